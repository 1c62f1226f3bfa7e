//! Measures orders, from the request to the live update that the order is paid, which each customer receives over a
//! WebSocket.

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

/// The time limit until an order is paid.
const TIMEOUT: Duration = Duration::from_secs(300);

/// The plan.
#[derive(Deserialize)]
pub struct Plan {
    checkout_url: String,
    socket_url: String,
    /// The number of orders that each customer places first. They start the functions and are not counted.
    warm_up: usize,
    seconds: u64,
    /// The customers, each of whom checks out, waits until the order is paid, and checks out again.
    customers: Vec<Customer>,
}

#[derive(Deserialize)]
struct Customer {
    token: String,
    body: String,
}

#[derive(Serialize)]
pub struct Measured {
    /// The times until the response to POST /checkout.
    accepted: Option<Quantiles>,
    /// The times until the message that the order is paid.
    paid: Option<Quantiles>,
    /// The time from the first request until the last order was paid.
    took: u64,
    errors: Vec<String>,
}

type Times = Vec<(Duration, Duration)>;

/// Lets all customers check out repeatedly, for the seconds of the plan.
pub async fn measure(plan: Plan) -> Result<Measured, Failure> {
    let mut shoppers = Vec::new();
    for customer in &plan.customers {
        shoppers.push(Shopper::connect(&plan, customer).await?);
    }
    let warm = join_all(shoppers.iter_mut().map(|shopper| shopper.shop(|orders, _| orders < plan.warm_up))).await;
    let mut errors: Vec<String> = warm.into_iter().filter_map(|(_, error)| error).collect();
    let started = Instant::now();
    let limit = Duration::from_secs(plan.seconds);
    let done = join_all(shoppers.iter_mut().map(|shopper| shopper.shop(move |_, _| started.elapsed() < limit))).await;
    let took = started.elapsed();
    let (mut accepted, mut paid) = (Vec::new(), Vec::new());
    for (times, error) in done {
        accepted.extend(times.iter().map(|(accepted, _)| *accepted));
        paid.extend(times.iter().map(|(_, paid)| *paid));
        errors.extend(error);
    }
    join_all(shoppers.into_iter().map(Shopper::close)).await;
    Ok(Measured { accepted: quantiles(accepted), paid: quantiles(paid), took: micros(took), errors })
}

/// A customer with an HTTP client and a WebSocket.
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
        let (socket, _) = timeout(TIMEOUT, connect_async(request)).await??;
        let client = Client::builder().no_proxy().timeout(TIMEOUT).build()?;
        let mut shopper = Self { client, socket, plan, customer };
        shopper.socket.send(Message::text(json!({ "action": "subscribe", "topic": "orders" }).to_string())).await?;
        while shopper.receive().await?["type"] != "subscribed" {}
        Ok(shopper)
    }

    /// Places orders while `goes_on` returns true for the number of orders and the time so far. An error ends it.
    async fn shop(&mut self, goes_on: impl Fn(usize, Duration) -> bool) -> (Times, Option<String>) {
        let (started, mut times) = (Instant::now(), Times::new());
        while goes_on(times.len(), started.elapsed()) {
            match timeout(TIMEOUT, self.order()).await {
                Ok(Ok(time)) => times.push(time),
                Ok(Err(error)) => return (times, Some(error.to_string())),
                Err(_) => return (times, Some(format!("an order was not paid after {} s", TIMEOUT.as_secs()))),
            }
        }
        (times, None)
    }

    /// Places one order. Returns the time until the response, and the time until the order was paid.
    async fn order(&mut self) -> Result<(Duration, Duration), Failure> {
        let started = Instant::now();
        let request = self.client.post(&self.plan.checkout_url).bearer_auth(&self.customer.token);
        let request = request.header("content-type", "application/json").body(self.customer.body.clone());
        let response = request.send().await?;
        let status = response.status();
        let order: Value = response.json().await?;
        let accepted = started.elapsed();
        if status.as_u16() != 201 {
            return Err(format!("POST /checkout responded with {status}: {order}").into());
        }
        loop {
            let message = self.receive().await?;
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

    /// Returns the next message.
    async fn receive(&mut self) -> Result<Value, Failure> {
        loop {
            match timeout(TIMEOUT, self.socket.next()).await? {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text)?),
                Some(Ok(Message::Close(_))) | None => return Err("the WebSocket was closed".into()),
                Some(Err(error)) => return Err(error.into()),
                Some(Ok(_)) => {}
            }
        }
    }

    async fn close(mut self) {
        // The connection may be closed already.
        let _ = self.socket.close(None).await;
    }
}
