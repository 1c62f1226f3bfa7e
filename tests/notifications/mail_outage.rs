//! Orders while the mail server is unavailable: they are paid or cancelled as always, and every mail arrives once,
//! after the outage.

use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::{Value, json};
use testkit::{EventRecorder, MailOutage, Person, Product, Shop};
use uuid::Uuid;

use crate::notifications::notifications::{MAX_DELIVERIES, fails, shipped};

/// The number of orders that are checked out before the outage, and again during it.
const ORDERS: usize = 6;

/// The number of copies of a message that are delivered at the same time.
const COPIES: usize = 8;

/// The minimum duration of the outage; `WAYBILL_MAIL_OUTAGE_SECONDS` sets another one.
fn outage() -> Duration {
    let seconds = std::env::var("WAYBILL_MAIL_OUTAGE_SECONDS").ok();
    Duration::from_secs(seconds.map_or(60, |text| text.parse().expect("seconds")))
}

/// Checks out orders, the last one with a card that is declined, and returns them when all are paid or cancelled.
async fn check_out_orders(carol: &Person, mug: &Product) -> Vec<Value> {
    let mut ended = Vec::new();
    for index in 0..ORDERS {
        let card = if index + 1 == ORDERS { "pm_card_chargeDeclined" } else { "pm_card_visa" };
        let order = carol.check_out(mug, 1, card).await;
        ended.push(carol.outcome(&order).await);
    }
    let statuses: Vec<&str> = ended.iter().map(|order| order["status"].as_str().unwrap()).collect();
    assert!(statuses[..ORDERS - 1].iter().all(|status| *status == "paid"), "{statuses:?}");
    assert_eq!(statuses[ORDERS - 1], "cancelled");
    ended
}

#[tokio::test]
async fn every_mail_arrives_once_after_the_outage() {
    let provider = crate::PAYMENT_PROVIDER.lock().await;
    let shop = Shop::open().await;
    let (mug, carol) = (shop.product(50).await, Person::customer().await);
    carol.is_notified(None, "UserRegistered", "email", "sent").await;
    let before = check_out_orders(&carol, &mug).await;
    let mut recorder = EventRecorder::start().await;

    let outage = (Instant::now(), MailOutage::begin().await);
    // The orders are paid or cancelled during the outage: none waits for its mail.
    let orders = check_out_orders(&carol, &mug).await;
    drop(provider);
    // A notification is published as failed once, when its message fails on one of the last two deliveries.
    let undelivered = json!(Uuid::new_v4());
    let event = shipped(&undelivered, &json!(carol.id));
    assert!(fails(&event, MAX_DELIVERIES - 2).await);
    let listed = carol.notifications_about(&json!({ "id": undelivered })).await;
    assert!(!listed.iter().any(|notification| notification["status"] == "failed"));
    assert!(fails(&event, MAX_DELIVERIES - 1).await && fails(&event, MAX_DELIVERIES).await);
    carol.is_notified(Some(&json!({ "id": undelivered })), "OrderShipped", "email", "failed").await;
    for order in &orders {
        assert!(carol.mails_with(order["id"].as_str().unwrap()).await.is_empty(), "a mail arrived during the outage");
    }
    tokio::time::sleep(self::outage().saturating_sub(outage.0.elapsed())).await;
    outage.1.end().await;

    let outcome = |order: &Value| {
        if order["status"] == "paid" { ("OrderConfirmed", "is confirmed") } else { ("OrderCancelled", "was cancelled") }
    };
    join_all(orders.iter().chain(&before).map(async |order| {
        for (kind, subject) in [("OrderPlaced", "We received your order"), outcome(order)] {
            carol.mail_about(order, subject).await;
            carol.is_notified(Some(order), kind, "email", "sent").await;
        }
    }))
    .await;
    for order in orders.iter().chain(&before) {
        assert_eq!(carol.mails_with(order["id"].as_str().unwrap()).await.len(), 2, "{order}");
    }
    let statuses = |events: &[Value], order: &Value| {
        let is_about =
            |event: &&Value| event["event_type"] == "NotificationSent" && event["data"]["order_id"] == order["id"];
        events.iter().filter(is_about).map(|event| event["data"]["status"].clone()).collect::<Vec<_>>()
    };
    let mut received =
        recorder.record_until(|events| orders.iter().all(|order| statuses(events, order).len() >= 2)).await;
    for order in &orders {
        assert_eq!(statuses(&received, order), [json!("sent"), json!("sent")]);
    }
    // A redrive from the dead-letter queue sends the mail once, also if several copies are delivered at the same time.
    join_all((0..COPIES).map(|_| fails(&event, 1))).await;
    carol.is_notified(Some(&json!({ "id": undelivered })), "OrderShipped", "email", "sent").await;
    assert!(!fails(&event, 1).await, "a delivered notification is not sent again");
    assert_eq!(carol.mails_with(undelivered.as_str().unwrap()).await.len(), 1);
    let of_redriven = |events: &[Value]| statuses(events, &json!({ "id": undelivered }));
    if of_redriven(&received).len() < 2 {
        let before = of_redriven(&received).len();
        received.extend(recorder.record_until(|more| before + of_redriven(more).len() >= 2).await);
    }
    assert_eq!(of_redriven(&received), [json!("failed"), json!("sent")]);
    recorder.stop().await;
}
