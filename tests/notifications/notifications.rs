//! Notifications of orders, payments and accounts: each is sent once, and its status is published and listed.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};
use testkit::{EventRecorder, PASSWORD, Person, Shop, eventually, invoke, items_with, publish};
use uuid::Uuid;

use crate::orders::order_lifecycle::step;

/// What notifications told of an order.
fn told_of<'a>(heard: &'a [Value], subject: &Value) -> Vec<&'a Value> {
    heard
        .iter()
        .filter(|event| event["event_type"] == "NotificationSent" && event["data"]["order_id"] == *subject)
        .collect()
}

/// How often the queues of notifications hand a message out.
pub const MOST_TRIES: u32 = 100;

/// That an order of somebody was shipped, as orders says it.
pub fn shipped(order_id: &Value, user_id: &Value) -> Value {
    json!({
        "event_id": Uuid::new_v4(), "event_type": "OrderShipped", "version": "1.0", "timestamp": "2026-11-21T06:30:32.611Z",
        "source": "orders", "correlation_id": Uuid::new_v4(),
        "traceparent": "00-74fff01453a847ac8c0508f2b3e0e6c6-310031dba6c9414d-01", "subject": order_id, "sequence": 5,
        "data": { "order_id": order_id, "user_id": user_id },
    })
}

/// Hands an event to the function that tells of shipped orders, as the queue does for the nth time; whether it fails.
pub async fn fails(event: &Value, times: u32) -> bool {
    let id = Uuid::new_v4().to_string();
    let batch = json!({ "Records": [{
        "messageId": id, "receiptHandle": "none", "body": event.to_string(), "messageAttributes": {}, "md5OfBody": "",
        "attributes": { "ApproximateReceiveCount": times.to_string() }, "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:000000000000:none", "awsRegion": "eu-central-1",
    }] });
    let answer = invoke("NotifyOrderShipped", &batch).await.expect("an answer");
    answer["batchItemFailures"].as_array().is_some_and(|failed| failed.iter().any(|one| one["itemIdentifier"] == id))
}

#[tokio::test]
async fn each_of_the_eight_events_has_its_mail() {
    let shop = Shop::open().await;
    let (mug, carol, admin) = (shop.product(9).await, Person::customer().await, Person::admin().await);
    let all = json!({ "events": { "payment_processed": { "email": true }, "payment_failed": { "email": true } } });
    carol.put("/notifications/preferences", &all).await.expect(200);
    let mut recorder = EventRecorder::start().await;

    let paid = carol.check_out(&mug, 2, "pm_card_visa").await;
    carol.outcome(&paid).await;
    shop.payment_becomes(&paid, "captured").await;
    step(&admin, &paid, "processing").await;
    step(&admin, &paid, "shipped").await;
    step(&admin, &paid, "delivered").await;
    let payment = shop.payments(&paid).await.remove(0);
    admin.post("/payments/refund", &json!({ "payment_id": payment["id"] })).await;
    let declined = carol.check_out(&mug, 1, "pm_card_chargeDeclined").await;
    assert_eq!(carol.outcome(&declined).await["status"], "cancelled");

    eventually("a welcome", || async {
        carol.mails_with("Your account is ready").await.pop().ok_or_else(|| "none".to_owned())
    })
    .await;
    let kinds = [
        (&paid, "OrderPlaced", "We have your order"),
        (&paid, "PaymentProcessed", "is paid"),
        (&paid, "OrderConfirmed", "is confirmed"),
        (&paid, "OrderShipped", "is on its way"),
        (&paid, "OrderRefunded", "is on its way back"),
        (&declined, "OrderPlaced", "We have your order"),
        (&declined, "PaymentFailed", "failed"),
        (&declined, "OrderCancelled", "was cancelled"),
    ];
    for (order, kind, what) in kinds {
        let mail = carol.mail_about(order, what).await;
        for part in ["text", "html"] {
            let said = mail[part].as_str().unwrap();
            assert!(said.contains("Carol") && said.contains(order["id"].as_str().unwrap()), "{kind}: {said}");
        }
        let told = carol.is_notified(Some(order), kind, "email", "sent").await;
        assert_eq!(told["recipient"].as_str().unwrap().split_once("***@"), Some((&carol.email[..1], "example.com")));
    }
    // Each is told of once, with the order that it is about and the masked address.
    let count = |heard: &[Value]| told_of(heard, &paid["id"]).len() + told_of(heard, &declined["id"]).len();
    let heard = recorder.record_until(|heard| count(heard) >= kinds.len()).await;
    assert_eq!(count(&heard), kinds.len());
    for event in
        heard.iter().filter(|event| event["event_type"] == "NotificationSent" && event["data"]["user_id"] == carol.id)
    {
        assert_eq!(event["data"]["status"], "sent", "{event}");
        assert!(!event.to_string().contains(&carol.email), "{event}");
        assert!(event["causation_id"].is_string(), "{event}");
    }
    recorder.stop().await;

    // Newest first, and page by page the same.
    let whole = carol.get("/notifications?limit=100").await.expect(200);
    let ids: Vec<&str> = whole["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect();
    assert!(ids.len() == 9 && ids.is_sorted_by(|a, b| a[..13] >= b[..13]), "{ids:?}");
    let (mut pages, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = carol.get(&format!("/notifications?limit=4{cursor}")).await.expect(200);
        pages.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(pages, ids);
    assert_eq!(carol.get("/notifications?cursor=forged").await.expect(400)["code"], "invalid_cursor");
    let others = Person::customer().await.get("/notifications").await.expect(200);
    assert!(others["items"].as_array().unwrap().iter().all(|item| item["type"] == "UserRegistered"), "{others}");
}

/// All that is heard of an order is said twice more to whoever listens.
#[tokio::test]
async fn what_is_delivered_three_times_is_notified_once() {
    let shop = Shop::open().await;
    let (mug, carol) = (shop.product(3).await, Person::customer().await);
    let mut recorder = EventRecorder::start().await;
    let order = carol.check_out(&mug, 1, "pm_card_visa").await;
    carol.outcome(&order).await;
    carol.mail_about(&order, "We have your order").await;
    carol.mail_about(&order, "is confirmed").await;
    let heard = recorder.record_until(|heard| told_of(heard, &order["id"]).len() == 2).await;
    let of_order: Vec<&Value> =
        heard.iter().filter(|event| event["source"] == "orders" && event["subject"] == order["id"]).collect();
    assert!(of_order.len() >= 3, "{of_order:?}");
    for event in of_order {
        recorder.redeliver(event).await;
        recorder.redeliver(event).await;
    }
    recorder.drained().await;
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for mail in carol.mails_with(order["id"].as_str().unwrap()).await {
        *counts.entry(mail["subject"].to_string()).or_default() += 1;
    }
    assert!(counts.len() == 2 && counts.values().all(|count| *count == 1), "{counts:?}");
    assert_eq!(carol.notifications_about(&order).await.len(), 2);
    let again = recorder.record().await;
    assert!(told_of(&again, &order["id"]).is_empty(), "{again:?}");
    recorder.stop().await;
}

/// Nobody lives at `.invalid`: the mail server refuses it for good. The order is as any other.
#[tokio::test]
async fn a_refused_recipient_is_published_as_failed() {
    let shop = Shop::open().await;
    let mug = shop.product(3).await;
    let mut registration = Person::registration();
    let email = format!("carol.{}@mail.invalid", Uuid::new_v4().simple());
    registration["email"] = json!(email);
    let mut recorder = EventRecorder::start().await;
    Person::anonymous().post("/auth/register", &registration).await.expect(201);
    let carol = Person::anonymous().log_in(&email, PASSWORD).await;
    let order = carol.check_out(&mug, 1, "pm_card_visa").await;
    assert_eq!(carol.outcome(&order).await["status"], "paid");
    let told = carol.is_notified(Some(&order), "OrderConfirmed", "email", "failed").await;
    assert_eq!(told["recipient"], "c***@mail.invalid");
    carol.is_notified(None, "UserRegistered", "email", "failed").await;
    let heard = recorder.record_until(|heard| told_of(heard, &order["id"]).len() == 2).await;
    assert!(
        told_of(&heard, &order["id"]).iter().all(|event| event["data"]["status"] == "failed" && event["sequence"] == 1)
    );

    // They find another address; what failed is said again, as out of a dead-letter queue, and arrives.
    let right = format!("carol.{}@example.com", Uuid::new_v4().simple());
    let change = json!({ "email": right, "current_password": PASSWORD });
    let changed = carol.send(carol.request(Method::PUT, "/users/profile").json(&change)).await.expect(200);
    assert_eq!(changed["email"], right.as_str());
    let confirmed =
        heard.iter().find(|event| event["event_type"] == "OrderConfirmed" && event["subject"] == order["id"]);
    let confirmed = confirmed.expect("the event").clone();
    let mut carol = carol;
    carol.email = right;
    eventually("the new address to be heard of", || async {
        let known = items_with("NotificationsTable", &carol.email).await;
        if known.is_empty() { Err("not yet".to_owned()) } else { Ok(()) }
    })
    .await;
    publish(&confirmed).await;
    carol.mail_about(&order, "is confirmed").await;
    carol.is_notified(Some(&order), "OrderConfirmed", "email", "sent").await;
    let heard = recorder.record_until(|heard| !told_of(heard, &order["id"]).is_empty()).await;
    let [sent] = told_of(&heard, &order["id"])[..] else { panic!("{heard:?}") };
    assert_eq!((&sent["data"]["status"], &sent["sequence"]), (&json!("sent"), &json!(2)));
    recorder.stop().await;
}

/// Who hears of an order before it hears of the user fails, and says so to nobody; the message comes again.
#[tokio::test]
async fn an_event_of_an_unknown_user_is_not_lost() {
    let event = shipped(&json!(Uuid::new_v4()), &json!(Uuid::new_v4()));
    assert!(fails(&event, 1).await && fails(&event, MOST_TRIES).await);
}

/// The old address is somebody else's by then.
#[tokio::test]
async fn mails_go_to_a_changed_address() {
    let shop = Shop::open().await;
    let mug = shop.product(5).await;
    let mut carol = Person::customer().await;
    let (old, new) = (carol.email.clone(), format!("new-{}@example.com", Uuid::new_v4().simple()));
    let change = json!({ "email": new, "current_password": PASSWORD });
    carol.put("/users/profile", &change).await.expect(200);
    let mut registration = Person::registration();
    registration["email"] = json!(old);
    Person::anonymous().post("/auth/register", &registration).await.expect(201);
    carol.email = new;
    eventually("a mail at the new address", || async {
        let order = carol.check_out(&mug, 1, "pm_card_chargeDeclined").await;
        carol.outcome(&order).await;
        carol.mails_with(order["id"].as_str().unwrap()).await.pop().ok_or_else(|| "none yet".to_owned())
    })
    .await;
}
