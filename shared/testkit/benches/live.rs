//! Measures the latency of live updates: of a paid order for its customer, and of a counted event for administrators.
//!
//! `make bench-websocket` runs it on a running stack.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::float_arithmetic, missing_docs)]

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use futures::future::join_all;
use serde_json::{Value, json};
use testkit::{Person, Shop, Socket, Stack};
use uuid::Uuid;

const ORDERS: usize = 40;
const SUBSCRIBERS: [usize; 4] = [1, 10, 50, 100];
const ROUNDS: usize = 10;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // A test run of all targets starts it, too, without a stack.
    if std::env::var("LIVE_BENCH").is_err() {
        println!("this benchmark needs a stack: run `make bench-websocket`");
        return;
    }
    orders().await;
    for (title, events) in [("one event", 1), ("100 events at once", 100)] {
        println!("\n{title}: from the write until every connection has received it");
        println!(
            "{:>12}{:>10}{:>10}{:>10}{:>22}{:>18}",
            "connections", "p50 ms", "p90 ms", "max ms", "messages/connection", "posts/event"
        );
        for subscribers in SUBSCRIBERS {
            fan_out(subscribers, events).await;
        }
    }
}

/// Measures from the checkout request until the message that the order is paid.
async fn orders() {
    let shop = Shop::open().await;
    let product = shop.product(10 + ORDERS as i64).await;
    let carol = Person::customer().await;
    let mut socket = Socket::connect(&carol).await;
    socket.subscribe("orders", None).await;
    let (mut placed, mut paid) = (Vec::new(), Vec::new());
    // The first three rounds start the functions, and are not measured.
    for round in 0..3 + ORDERS {
        let started = Instant::now();
        let order = carol.check_out(&product, 1, "pm_card_visa").await;
        let mut first = None;
        socket
            .until(|message| {
                let is_of_order = message["subject"] == order["id"];
                first = first.or(is_of_order.then(|| started.elapsed()));
                is_of_order && message["status"] == "paid"
            })
            .await;
        if round >= 3 {
            placed.extend(first);
            paid.push(started.elapsed());
        }
    }
    println!("from POST /checkout to the message, {ORDERS} orders of one customer in sequence");
    println!("{:>12}{:>10}{:>10}{:>10}", "", "p50 ms", "p90 ms", "max ms");
    println!("{:>12}{}", "placed", quantiles(placed));
    println!("{:>12}{}", "paid", quantiles(paid));
}

/// Measures from the write of counted events until each connection has received all of them.
async fn fan_out(subscribers: usize, events: usize) {
    let admin = Person::admin().await;
    let mut sockets = join_all((0..subscribers).map(|_| Socket::connect(&admin))).await;
    for socket in &mut sockets {
        socket.subscribe("analytics", None).await;
    }
    let client = Client::new(&Stack::get().aws().await);
    let (mut latencies, mut messages) = (Vec::new(), 0);
    for round in 0..1 + ROUNDS {
        let batch = Uuid::new_v4().simple().to_string();
        let started = Instant::now();
        join_all((0..events).map(|number| count(&client, &batch, number))).await;
        let received = join_all(sockets.iter_mut().map(|socket| receive(socket, &batch, events))).await;
        if round > 0 {
            latencies.push(started.elapsed());
            messages += received.iter().sum::<usize>();
        }
    }
    let each = messages as f64 / (subscribers * ROUNDS) as f64;
    let per_event = messages as f64 / (events * ROUNDS) as f64;
    println!("{subscribers:>12}{}{each:>22.1}{per_event:>18.2}", quantiles(latencies));
    // The number of subscribers of a topic is limited, so each unsubscribes before it closes.
    join_all(sockets.into_iter().map(async |mut socket| {
        socket.send(&json!({ "action": "unsubscribe", "topic": "analytics" })).await;
        socket.until(|message| message["type"] == "unsubscribed").await;
        socket.close().await;
    }))
    .await;
}

/// Writes the item that analytics writes when it counts an event.
async fn count(client: &Client, batch: &str, number: usize) {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let put = client
        .put_item()
        .table_name(&Stack::get().tables["AnalyticsTable"])
        .item("pk", text(&format!("BENCH#{batch}")))
        .item("sk", text(&number.to_string()))
        .item("kind", text("counted"))
        .item("event_type", text("OrderPlaced"))
        .item("source", text("orders"))
        .item("subject", text(batch))
        .item("sequence", AttributeValue::N(number.to_string()))
        .item("time", text("2026-11-21T06:30:31.445Z"));
    put.send().await.unwrap();
}

/// Waits until a connection has received `events` events of a batch, and returns the number of messages.
async fn receive(socket: &mut Socket, batch: &str, events: usize) -> usize {
    let (mut received, mut messages) = (0, 0);
    while received < events {
        let message = socket.next().await;
        let is_of_batch = |event: &&Value| event["subject"] == batch;
        let of_batch = message["events"].as_array().map_or(0, |events| events.iter().filter(is_of_batch).count());
        received += of_batch;
        messages += usize::from(of_batch > 0);
    }
    messages
}

fn quantiles(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |part: usize| times[(times.len() * part).div_ceil(100).clamp(1, times.len()) - 1].as_secs_f64() * 1_000.0;
    format!("{:>10.0}{:>10.0}{:>10.0}", at(50), at(90), at(100))
}
