//! Reports and live updates while their functions are killed.

use std::collections::{BTreeMap, BTreeSet};

use testkit::{Person, Shop, Socket, kill_function, kill_running, processing, send_now};

use super::reports::sells;

/// Kills the function that counts orders again and again while orders are placed. In the end, the reports have each
/// order once.
#[tokio::test]
async fn orders_count_once_when_the_counting_function_is_killed() {
    let (shop, admin, carol) = (Shop::open().await, Person::admin().await, Person::customer().await);
    let mug = shop.product(5_000).await;
    let mut killed = 0;
    for _ in 0..10 {
        carol.check_out(&mug, 400, "pm_card_visa").await;
        killed += kill_function("CountOrders");
    }
    // The function runs by now, unless it starts after all orders were placed.
    if killed == 0 {
        kill_running("CountOrders").await;
    }
    sells(&admin, &mug, (4_000, 10, 5_000_000)).await;
}

/// Kills the function that publishes live updates of orders again and again. In the end, each event was published with
/// one sequence.
#[tokio::test]
async fn each_event_has_one_sequence_when_the_publisher_is_killed() {
    const EVENTS: u64 = 20;
    let carol = Person::customer().await;
    let mut socket = Socket::connect(&carol).await;
    let (start, _) = socket.subscribe("orders", None).await;
    let (mut subjects, mut killed) = (BTreeSet::new(), 0);
    for _ in 0..EVENTS {
        let event = processing(&carol);
        subjects.insert(event["subject"].to_string());
        send_now("PublishOrderUpdatesQueue", &event).await;
        killed += kill_function("PublishOrderUpdates");
    }
    // The function runs by now, unless it starts after all events were sent.
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
    assert_eq!(published.keys().copied().collect::<Vec<_>>(), (start + 1..=start + EVENTS).collect::<Vec<_>>());
    assert_eq!(published.into_values().collect::<BTreeSet<_>>(), subjects);
}
