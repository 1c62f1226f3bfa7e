//! A client of the WebSocket API.

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
    /// Connects a person, with the `Authorization` header.
    pub async fn connect(person: &Person) -> Self {
        let header = format!("Bearer {}", person.token());
        Self::handshake(Some(&header), "").await.unwrap_or_else(|status| panic!("the handshake was rejected: {status}"))
    }

    /// Connects with this `Authorization` header and query. Returns the status if the handshake is rejected.
    pub async fn handshake(authorization: Option<&str>, query: &str) -> Result<Self, u16> {
        let socket_url = Stack::get().socket_url.as_deref().expect("a stack with a WebSocket API");
        let url = format!("{socket_url}{query}");
        let mut request = url.into_client_request().expect("an address");
        if let Some(authorization) = authorization {
            request.headers_mut().insert("authorization", HeaderValue::from_str(authorization).expect("a header"));
        }
        match timeout(HANG_LIMIT, connect_async(request)).await.expect("a response to the handshake") {
            Ok((stream, _)) => Ok(Self { stream }),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("no handshake: {error}"),
        }
    }

    /// Sends a message.
    pub async fn send(&mut self, message: &Value) {
        self.send_text(&message.to_string()).await;
    }

    /// Sends a text that need not be a valid message.
    pub async fn send_text(&mut self, text: &str) {
        self.stream.send(Message::text(text)).await.expect("a message is sent");
    }

    /// Returns the next message, or `None` if the connection is closed.
    pub async fn next_or_end(&mut self) -> Option<Value> {
        loop {
            match timeout(HANG_LIMIT, self.stream.next()).await.expect("a message in time") {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).expect("JSON")),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// Returns the next message.
    pub async fn next(&mut self) -> Value {
        self.next_or_end().await.expect("the connection is open")
    }

    /// Sends a message, and returns the next one that is received.
    pub async fn request(&mut self, message: &Value) -> Value {
        self.send(message).await;
        self.next().await
    }

    /// Returns all messages up to the first one that is `last`.
    pub async fn until(&mut self, mut last: impl FnMut(&Value) -> bool) -> Vec<Value> {
        let mut messages = Vec::new();
        loop {
            messages.push(self.next().await);
            if messages.last().is_some_and(&mut last) {
                return messages;
            }
        }
    }

    /// Subscribes to a topic, from `last_sequence` on if it is given. Returns the newest sequence, and the messages
    /// that came before the response.
    pub async fn subscribe(&mut self, topic: &str, last_sequence: Option<u64>) -> (u64, Vec<Value>) {
        self.send(&json!({ "action": "subscribe", "topic": topic, "last_sequence": last_sequence })).await;
        let mut messages = self.until(|message| message["type"] == "subscribed" || message["type"] == "error").await;
        let response = messages.pop().expect("a response");
        assert_eq!((&response["type"], &response["topic"]), (&json!("subscribed"), &json!(topic)), "{response}");
        (response["sequence"].as_u64().expect("a sequence"), messages)
    }

    /// Returns all messages that were received so far. It sends a ping: what was sent before the pong is received
    /// before it.
    pub async fn received(&mut self) -> Vec<Value> {
        self.send(&json!({ "action": "ping" })).await;
        let mut messages = self.until(|message| message["type"] == "pong").await;
        messages.pop();
        messages
    }

    /// Waits until the server closes the connection, and returns the messages that came before.
    pub async fn closed(&mut self) -> Vec<Value> {
        let mut messages = Vec::new();
        while let Some(message) = self.next_or_end().await {
            messages.push(message);
        }
        messages
    }

    /// Closes the connection.
    pub async fn close(mut self) {
        self.stream.close(None).await.expect("closed");
    }
}
