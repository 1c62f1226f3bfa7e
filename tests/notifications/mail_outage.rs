//! Orders while the mail server is unavailable: they end while it is, and every mail arrives afterwards, once.

use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::{Value, json};
use testkit::{EventRecorder, MailOutage, Person, Product, Shop};
use uuid::Uuid;

use crate::notifications::notifications::{MOST_TRIES, fails, shipped};

/// How many orders are checked out before, and as many while nothing can be mailed.
const ORDERS: usize = 6;

/// How many copies of a message are brought at once.
const COPIES: usize = 8;

/// How long the mail server stays away at least; `WAYBILL_MAIL_OUTAGE_SECONDS` says otherwise.
fn outage() -> Duration {
    let seconds = std::env::var("WAYBILL_MAIL_OUTAGE_SECONDS").ok();
    Duration::from_secs(seconds.map_or(60, |text| text.parse().expect("seconds")))
}

/// Checks orders out, the last by a card that is declined, and waits for each to end; each as it ended.
async fn check_out_some(carol: &Person, mug: &Product) -> Vec<Value> {
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
async fn every_mail_arrives_once_when_it_is_over() {
    let provider = crate::PAYMENT_PROVIDER.lock().await;
    let shop = Shop::open().await;
    let (mug, carol) = (shop.product(50).await, Person::customer().await);
    carol.is_notified(None, "UserRegistered", "email", "sent").await;
    let before = check_out_some(&carol, &mug).await;
    let mut recorder = EventRecorder::start().await;

    let outage = (Instant::now(), MailOutage::begin().await);
    // Each ends while the server is away: none waits for its mail.
    let orders = check_out_some(&carol, &mug).await;
    drop(provider);
    // A message that fails for one of the last two times is told as failed, once.
    let lost = json!(Uuid::new_v4());
    let event = shipped(&lost, &json!(carol.id));
    assert!(fails(&event, MOST_TRIES - 2).await);
    assert!(!carol.notifications_about(&json!({ "id": lost })).await.iter().any(|told| told["status"] == "failed"));
    assert!(fails(&event, MOST_TRIES - 1).await && fails(&event, MOST_TRIES).await);
    carol.is_notified(Some(&json!({ "id": lost })), "OrderShipped", "email", "failed").await;
    for order in &orders {
        assert!(carol.mails_with(order["id"].as_str().unwrap()).await.is_empty(), "it arrived in an outage");
    }
    tokio::time::sleep(self::outage().saturating_sub(outage.0.elapsed())).await;
    outage.1.end().await;

    let end = |order: &Value| {
        if order["status"] == "paid" { ("OrderConfirmed", "is confirmed") } else { ("OrderCancelled", "was cancelled") }
    };
    join_all(orders.iter().chain(&before).map(async |order| {
        for (kind, what) in [("OrderPlaced", "We have your order"), end(order)] {
            carol.mail_about(order, what).await;
            carol.is_notified(Some(order), kind, "email", "sent").await;
        }
    }))
    .await;
    for order in orders.iter().chain(&before) {
        assert_eq!(carol.mails_with(order["id"].as_str().unwrap()).await.len(), 2, "{order}");
    }
    let of = |heard: &[Value], order: &Value| {
        let is_of =
            |event: &&Value| event["event_type"] == "NotificationSent" && event["data"]["order_id"] == order["id"];
        heard.iter().filter(is_of).map(|event| event["data"]["status"].clone()).collect::<Vec<_>>()
    };
    let heard = recorder.record_until(|heard| orders.iter().all(|order| of(heard, order).len() >= 2)).await;
    for order in &orders {
        assert_eq!(of(&heard, order), [json!("sent"), json!("sent")]);
    }
    // Out of the dead-letter queue, it arrives too: once, however many bring it at the same moment.
    join_all((0..COPIES).map(|_| fails(&event, 1))).await;
    carol.is_notified(Some(&json!({ "id": lost })), "OrderShipped", "email", "sent").await;
    assert!(!fails(&event, 1).await, "it is done");
    assert_eq!(carol.mails_with(lost.as_str().unwrap()).await.len(), 1);
    let of_lost = |heard: &[Value]| of(heard, &json!({ "id": lost }));
    let mut all = heard;
    if of_lost(&all).len() < 2 {
        all.extend(recorder.record_until(|more| of_lost(&all).len() + of_lost(more).len() >= 2).await);
    }
    assert_eq!(of_lost(&all), [json!("failed"), json!("sent")]);
    recorder.stop().await;
}
