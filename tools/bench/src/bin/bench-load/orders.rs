//! Orders from the request to the word that they are paid, which each customer is told over the socket.

use std::time::{Duration, Instant};

use futures::{SinkExt, StreamExt, future::join_all};
use reqwest::Client;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue},
};

use crate::{
    Failure,
    times::{Quantiles, micros, quantiles},
};

/// How long an order may take to be paid.
const PATIENCE: Duration = Duration::from_secs(300);

/// What to do.
#[derive(Deserialize)]
pub struct Plan {
    checkout_url: String,
    socket_url: String,
    /// What each customer orders first, before anything counts: that starts the functions.
    warm_up: usize,
    seconds: u64,
    /// Each checks out, waits until that is paid, and checks out again.
    customers: Vec<Customer>,
}

#[derive(Deserialize)]
struct Customer {
    token: String,
    body: String,
}

#[derive(Serialize)]
pub struct Measured {
    /// Until the answer of POST /checkout.
    accepted: Option<Quantiles>,
    /// Until the message that the order is paid.
    paid: Option<Quantiles>,
    /// From the first request until the last order was paid.
    took: u64,
    errors: Vec<String>,
}

type Times = Vec<(Duration, Duration)>;

/// Has all customers check out, again and again, for so many seconds.
pub async fn measure(plan: Plan) -> Result<Measured, Failure> {
    let mut shoppers = Vec::new();
    for customer in &plan.customers {
        shoppers.push(Shopper::connect(&plan, customer).await?);
    }
    let warm = join_all(shoppers.iter_mut().map(|shopper| shopper.shop(|orders, _| orders < plan.warm_up))).await;
    let mut errors: Vec<String> = warm.into_iter().filter_map(|(_, error)| error).collect();
    let began = Instant::now();
    let limit = Duration::from_secs(plan.seconds);
    let done = join_all(shoppers.iter_mut().map(|shopper| shopper.shop(move |_, _| began.elapsed() < limit))).await;
    let took = began.elapsed();
    let (mut accepted, mut paid) = (Vec::new(), Vec::new());
    for (times, error) in done {
        accepted.extend(times.iter().map(|(accepted, _)| *accepted));
        paid.extend(times.iter().map(|(_, paid)| *paid));
        errors.extend(error);
    }
    join_all(shoppers.into_iter().map(Shopper::leave)).await;
    Ok(Measured { accepted: quantiles(accepted), paid: quantiles(paid), took: micros(took), errors })
}

/// A customer with both of their connections.
struct Shopper<'a> {
    client: Client,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    plan: &'a Plan,
    customer: &'a Customer,
}

impl<'a> Shopper<'a> {
    async fn connect(plan: &'a Plan, customer: &'a Customer) -> Result<Self, Failure> {
        let mut request = plan.socket_url.as_str().into_client_request()?;
        let token = HeaderValue::from_str(&format!("Bearer {}", customer.token))?;
        request.headers_mut().insert("authorization", token);
        let (socket, _) = timeout(PATIENCE, connect_async(request)).await??;
        let client = Client::builder().no_proxy().timeout(PATIENCE).build()?;
        let mut shopper = Self { client, socket, plan, customer };
        shopper.socket.send(Message::text(json!({ "action": "subscribe", "topic": "orders" }).to_string())).await?;
        while shopper.hear().await?["type"] != "subscribed" {}
        Ok(shopper)
    }

    /// Orders as long as `go_on` says so, of how many orders there were and how long it has been; an error ends it.
    async fn shop(&mut self, go_on: impl Fn(usize, Duration) -> bool) -> (Times, Option<String>) {
        let (began, mut times) = (Instant::now(), Times::new());
        while go_on(times.len(), began.elapsed()) {
            match timeout(PATIENCE, self.order()).await {
                Ok(Ok(time)) => times.push(time),
                Ok(Err(error)) => return (times, Some(error.to_string())),
                Err(_) => return (times, Some(format!("an order was not paid after {} s", PATIENCE.as_secs()))),
            }
        }
        (times, None)
    }

    /// One order: how long its answer took, and its money.
    async fn order(&mut self) -> Result<(Duration, Duration), Failure> {
        let started = Instant::now();
        let request = self.client.post(&self.plan.checkout_url).bearer_auth(&self.customer.token);
        let request = request.header("content-type", "application/json").body(self.customer.body.clone());
        let answer = request.send().await?;
        let status = answer.status();
        let order: Value = answer.json().await?;
        let accepted = started.elapsed();
        if status.as_u16() != 201 {
            return Err(format!("POST /checkout answered {status}: {order}").into());
        }
        loop {
            let message = self.hear().await?;
            if message["subject"] != order["id"] {
                continue;
            }
            match message["status"].as_str() {
                Some("paid") => return Ok((accepted, started.elapsed())),
                Some("cancelled") => return Err(format!("an order was cancelled: {message}").into()),
                _ => {}
            }
        }
    }

    /// The next message.
    async fn hear(&mut self) -> Result<Value, Failure> {
        loop {
            match timeout(PATIENCE, self.socket.next()).await? {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text)?),
                Some(Ok(Message::Close(_))) | None => return Err("the socket was closed".into()),
                Some(Err(error)) => return Err(error.into()),
                Some(Ok(_)) => {}
            }
        }
    }

    async fn leave(mut self) {
        // Whoever is gone already need not say goodbye.
        let _ = self.socket.close(None).await;
    }
}
