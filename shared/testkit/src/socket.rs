//! A client of the socket: what it sends, and what comes back.

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest, http::HeaderValue},
};

use crate::{HANG_LIMIT, Person, Stack};

/// A connection.
#[derive(Debug)]
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Socket {
    /// Connects somebody, by the header.
    pub async fn connect(person: &Person) -> Self {
        let header = format!("Bearer {}", person.token());
        Self::handshake(Some(&header), "").await.unwrap_or_else(|status| panic!("the handshake was refused: {status}"))
    }

    /// Shakes hands with that `Authorization` and that query; the status if it is refused.
    pub async fn handshake(authorization: Option<&str>, query: &str) -> Result<Self, u16> {
        let socket_url = Stack::get().socket_url.as_deref().expect("a stack with a WebSocket API");
        let url = format!("{socket_url}{query}");
        let mut request = url.into_client_request().expect("an address");
        if let Some(authorization) = authorization {
            request.headers_mut().insert("authorization", HeaderValue::from_str(authorization).expect("a header"));
        }
        match timeout(HANG_LIMIT, connect_async(request)).await.expect("an answer to the handshake") {
            Ok((stream, _)) => Ok(Self { stream }),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("no handshake: {error}"),
        }
    }

    /// Sends a message.
    pub async fn say(&mut self, message: &Value) {
        self.say_text(&message.to_string()).await;
    }

    /// Sends what need not be a message.
    pub async fn say_text(&mut self, text: &str) {
        self.stream.send(Message::text(text)).await.expect("a frame is sent");
    }

    /// The next message; nothing if the connection has ended.
    pub async fn next_or_end(&mut self) -> Option<Value> {
        loop {
            match timeout(HANG_LIMIT, self.stream.next()).await.expect("a message in time") {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).expect("JSON")),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// The next message.
    pub async fn next(&mut self) -> Value {
        self.next_or_end().await.expect("the connection goes on")
    }

    /// Sends a message; what comes next.
    pub async fn ask(&mut self, message: &Value) -> Value {
        self.say(message).await;
        self.next().await
    }

    /// All messages up to the first that is `last`.
    pub async fn until(&mut self, mut last: impl FnMut(&Value) -> bool) -> Vec<Value> {
        let mut messages = Vec::new();
        loop {
            messages.push(self.next().await);
            if messages.last().is_some_and(&mut last) {
                return messages;
            }
        }
    }

    /// Subscribes, from where it was if that is said; the newest sequence, and what came before the answer.
    pub async fn subscribe(&mut self, topic: &str, last_sequence: Option<u64>) -> (u64, Vec<Value>) {
        self.say(&json!({ "action": "subscribe", "topic": topic, "last_sequence": last_sequence })).await;
        let mut messages = self.until(|message| message["type"] == "subscribed" || message["type"] == "error").await;
        let answer = messages.pop().expect("an answer");
        assert_eq!((&answer["type"], &answer["topic"]), (&json!("subscribed"), &json!(topic)), "{answer}");
        (answer["sequence"].as_u64().expect("a sequence"), messages)
    }

    /// All that has come so far: what was sent before the answer to a ping comes before it.
    pub async fn so_far(&mut self) -> Vec<Value> {
        self.say(&json!({ "action": "ping" })).await;
        let mut messages = self.until(|message| message["type"] == "pong").await;
        messages.pop();
        messages
    }

    /// Waits until the other side ends it; what came before.
    pub async fn ends(&mut self) -> Vec<Value> {
        let mut messages = Vec::new();
        while let Some(message) = self.next_or_end().await {
            messages.push(message);
        }
        messages
    }

    /// Says goodbye.
    pub async fn close(mut self) {
        self.stream.close(None).await.expect("closed");
    }
}
