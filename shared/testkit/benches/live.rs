//! How soon what happens is told to those who follow it: a paid order to its owner, a counted event to administrators.
//!
//! `make bench-websocket` runs it, on a stack that is up.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::float_arithmetic, missing_docs)]

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use futures::future::join_all;
use serde_json::{Value, json};
use testkit::{Person, Shop, Socket, Stack};
use uuid::Uuid;

const ORDERS: usize = 40;
const FOLLOWERS: [usize; 4] = [1, 10, 50, 100];
const ROUNDS: usize = 10;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // Told to run by a test run, which means another thing, it has nothing to do.
    if std::env::var("LIVE_BENCH").is_err() {
        println!("no stack is meant: `make bench-websocket`");
        return;
    }
    orders().await;
    for (what, events) in [("one event", 1), ("100 events at once", 100)] {
        println!("\n{what}: from the write until every connection has it");
        println!(
            "{:>12}{:>10}{:>10}{:>10}{:>22}{:>18}",
            "connections", "p50 ms", "p90 ms", "max ms", "messages/connection", "posts/event"
        );
        for followers in FOLLOWERS {
            fan_out(followers, events).await;
        }
    }
}

/// From the request to check out until the message that the order is paid.
async fn orders() {
    let shop = Shop::open().await;
    let mug = shop.product(10 + ORDERS as i64).await;
    let carol = Person::customer().await;
    let mut socket = Socket::connect(&carol).await;
    socket.subscribe("orders", None).await;
    let (mut placed, mut paid) = (Vec::new(), Vec::new());
    // The first few start the functions.
    for round in 0..3 + ORDERS {
        let started = Instant::now();
        let order = carol.check_out(&mug, 1, "pm_card_visa").await;
        let mut first = None;
        socket
            .until(|message| {
                let is_its = message["subject"] == order["id"];
                first = first.or(is_its.then(|| started.elapsed()));
                is_its && message["status"] == "paid"
            })
            .await;
        if round >= 3 {
            placed.extend(first);
            paid.push(started.elapsed());
        }
    }
    println!("POST /checkout until the message, {ORDERS} orders of one customer, one after the other");
    println!("{:>12}{:>10}{:>10}{:>10}", "", "p50 ms", "p90 ms", "max ms");
    println!("{:>12}{}", "placed", quantiles(placed));
    println!("{:>12}{}", "paid", quantiles(paid));
}

/// From the write of counted events until each connection was told of all of them.
async fn fan_out(followers: usize, events: usize) {
    let admin = Person::admin().await;
    let mut sockets = join_all((0..followers).map(|_| Socket::connect(&admin))).await;
    for socket in &mut sockets {
        socket.subscribe("analytics", None).await;
    }
    let client = Client::new(&Stack::get().aws().await);
    let (mut taken, mut messages) = (Vec::new(), 0);
    for round in 0..1 + ROUNDS {
        let batch = Uuid::new_v4().simple().to_string();
        let started = Instant::now();
        join_all((0..events).map(|number| count(&client, &batch, number))).await;
        let told = join_all(sockets.iter_mut().map(|socket| hear(socket, &batch, events))).await;
        if round > 0 {
            taken.push(started.elapsed());
            messages += told.iter().sum::<usize>();
        }
    }
    let each = messages as f64 / (followers * ROUNDS) as f64;
    let per_event = messages as f64 / (events * ROUNDS) as f64;
    println!("{followers:>12}{}{each:>22.1}{per_event:>18.2}", quantiles(taken));
    // Each makes room for the next round's before it goes.
    join_all(sockets.into_iter().map(async |mut socket| {
        socket.say(&json!({ "action": "unsubscribe", "topic": "analytics" })).await;
        socket.until(|message| message["type"] == "unsubscribed").await;
        socket.close().await;
    }))
    .await;
}

/// Writes what analytics writes when it counts an event.
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

/// Waits until a connection was told of `events` events of a batch; in how many messages.
async fn hear(socket: &mut Socket, batch: &str, events: usize) -> usize {
    let (mut heard, mut messages) = (0, 0);
    while heard < events {
        let message = socket.next().await;
        let its = |event: &&Value| event["subject"] == batch;
        let of_batch = message["events"].as_array().map_or(0, |events| events.iter().filter(its).count());
        heard += of_batch;
        messages += usize::from(of_batch > 0);
    }
    messages
}

fn quantiles(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |part: usize| times[(times.len() * part).div_ceil(100).clamp(1, times.len()) - 1].as_secs_f64() * 1_000.0;
    format!("{:>10.0}{:>10.0}{:>10.0}", at(50), at(90), at(100))
}
