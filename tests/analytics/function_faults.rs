//! Reports and live updates while the functions that make them are killed.

use std::collections::{BTreeMap, BTreeSet};

use testkit::{Person, Shop, Socket, kill_function, kill_running, processing, send_now};

use super::reports::sells;

/// The function that counts orders is killed again and again while orders are placed: in the end the reports count each
/// order once.
#[tokio::test]
async fn the_counting_function_killed_while_orders_come_in() {
    let (shop, admin, carol) = (Shop::open().await, Person::admin().await, Person::customer().await);
    let mug = shop.product(5_000).await;
    let mut killed = 0;
    for _ in 0..10 {
        carol.check_out(&mug, 400, "pm_card_visa").await;
        killed += kill_function("CountOrders");
    }
    // It runs by now, unless it starts later than all orders came.
    if killed == 0 {
        kill_running("CountOrders").await;
    }
    sells(&admin, &mug, (4_000, 10, 5_000_000)).await;
}

/// The function that publishes live updates of orders is killed again and again: in the end each event was published
/// with one sequence number.
#[tokio::test]
async fn the_publisher_killed_while_it_publishes() {
    const EVENTS: u64 = 20;
    let carol = Person::customer().await;
    let mut socket = Socket::connect(&carol).await;
    let (begun, _) = socket.subscribe("orders", None).await;
    let (mut subjects, mut killed) = (BTreeSet::new(), 0);
    for _ in 0..EVENTS {
        let event = processing(&carol);
        subjects.insert(event["subject"].to_string());
        send_now("PublishOrderUpdatesQueue", &event).await;
        killed += kill_function("PublishOrderUpdates");
    }
    // It runs by now, unless it starts later than all events came.
    if killed == 0 {
        kill_running("PublishOrderUpdates").await;
    }
    let mut published = BTreeMap::new();
    while published.len() < subjects.len() {
        let message = socket.next().await;
        let subject = message["subject"].to_string();
        let before = published.insert(message["sequence"].as_u64().unwrap(), subject.clone());
        assert!(before.is_none_or(|before| before == subject), "{message}");
    }
    assert_eq!(published.keys().copied().collect::<Vec<_>>(), (begun + 1..=begun + EVENTS).collect::<Vec<_>>());
    assert_eq!(published.into_values().collect::<BTreeSet<_>>(), subjects);
}
