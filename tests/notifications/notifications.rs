//! Notifications of orders, payments and accounts: each is sent once, and its status is published and listed.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};
use testkit::{EventRecorder, PASSWORD, Person, Shop, eventually, invoke, items_with, publish};
use uuid::Uuid;

use crate::orders::order_lifecycle::step;

/// Returns the events of the notifications about an order.
fn notifications_of<'a>(events: &'a [Value], order_id: &Value) -> Vec<&'a Value> {
    events
        .iter()
        .filter(|event| event["event_type"] == "NotificationSent" && event["data"]["order_id"] == *order_id)
        .collect()
}

/// How often the queues of notifications deliver a message at most.
pub const MAX_DELIVERIES: u32 = 100;

/// Returns the event that an order of a user was shipped.
pub fn shipped(order_id: &Value, user_id: &Value) -> Value {
    json!({
        "event_id": Uuid::new_v4(), "event_type": "OrderShipped", "version": "1.0", "timestamp": "2026-11-21T06:30:32.611Z",
        "source": "orders", "correlation_id": Uuid::new_v4(),
        "traceparent": "00-74fff01453a847ac8c0508f2b3e0e6c6-310031dba6c9414d-01", "subject": order_id, "sequence": 5,
        "data": { "order_id": order_id, "user_id": user_id },
    })
}

/// Invokes the consumer of `OrderShipped` with the nth delivery of an event, and returns whether it fails.
pub async fn fails(event: &Value, deliveries: u32) -> bool {
    let id = Uuid::new_v4().to_string();
    let batch = json!({ "Records": [{
        "messageId": id, "receiptHandle": "none", "body": event.to_string(), "messageAttributes": {}, "md5OfBody": "",
        "attributes": { "ApproximateReceiveCount": deliveries.to_string() }, "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:000000000000:none", "awsRegion": "eu-central-1",
    }] });
    let response = invoke("NotifyOrderShipped", &batch).await.expect("a response");
    response["batchItemFailures"].as_array().is_some_and(|failed| failed.iter().any(|one| one["itemIdentifier"] == id))
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

    eventually("a welcome mail", || async {
        carol.mails_with("Your account is ready").await.pop().ok_or_else(|| "none".to_owned())
    })
    .await;
    let kinds = [
        (&paid, "OrderPlaced", "We received your order"),
        (&paid, "PaymentProcessed", "We received your payment"),
        (&paid, "OrderConfirmed", "is confirmed"),
        (&paid, "OrderShipped", "is on its way"),
        (&paid, "OrderRefunded", "Your refund for order"),
        (&declined, "OrderPlaced", "We received your order"),
        (&declined, "PaymentFailed", "failed"),
        (&declined, "OrderCancelled", "was cancelled"),
    ];
    for (order, kind, subject) in kinds {
        let mail = carol.mail_about(order, subject).await;
        for part in ["text", "html"] {
            let text = mail[part].as_str().unwrap();
            assert!(text.contains("Carol") && text.contains(order["id"].as_str().unwrap()), "{kind}: {text}");
        }
        let notification = carol.is_notified(Some(order), kind, "email", "sent").await;
        let recipient = notification["recipient"].as_str().unwrap();
        assert_eq!(recipient.split_once("***@"), Some((&carol.email[..1], "example.com")));
    }
    // Each notification is published once, with its order and the masked address.
    let count = |events: &[Value]| {
        notifications_of(events, &paid["id"]).len() + notifications_of(events, &declined["id"]).len()
    };
    let received = recorder.record_until(|events| count(events) >= kinds.len()).await;
    assert_eq!(count(&received), kinds.len());
    for event in received
        .iter()
        .filter(|event| event["event_type"] == "NotificationSent" && event["data"]["user_id"] == carol.id)
    {
        assert_eq!(event["data"]["status"], "sent", "{event}");
        assert!(!event.to_string().contains(&carol.email), "{event}");
        assert!(event["causation_id"].is_string(), "{event}");
    }
    recorder.stop().await;

    // The list is sorted newest first, and its pages have the same notifications.
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

/// All events of an order are delivered twice more to all consumers.
#[tokio::test]
async fn events_delivered_three_times_are_notified_once() {
    let shop = Shop::open().await;
    let (mug, carol) = (shop.product(3).await, Person::customer().await);
    let mut recorder = EventRecorder::start().await;
    let order = carol.check_out(&mug, 1, "pm_card_visa").await;
    carol.outcome(&order).await;
    carol.mail_about(&order, "We received your order").await;
    carol.mail_about(&order, "is confirmed").await;
    let received = recorder.record_until(|events| notifications_of(events, &order["id"]).len() == 2).await;
    let of_order: Vec<&Value> =
        received.iter().filter(|event| event["source"] == "orders" && event["subject"] == order["id"]).collect();
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
    assert!(notifications_of(&again, &order["id"]).is_empty(), "{again:?}");
    recorder.stop().await;
}

/// The mail server permanently rejects addresses at `.invalid`. The order is paid nevertheless.
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
    let notification = carol.is_notified(Some(&order), "OrderConfirmed", "email", "failed").await;
    assert_eq!(notification["recipient"], "c***@mail.invalid");
    carol.is_notified(None, "UserRegistered", "email", "failed").await;
    let received = recorder.record_until(|events| notifications_of(events, &order["id"]).len() == 2).await;
    let is_first_failure = |event: &&Value| event["data"]["status"] == "failed" && event["sequence"] == 1;
    assert!(notifications_of(&received, &order["id"]).iter().all(is_first_failure));

    // The customer corrects the address. A second delivery, like a redrive from a dead-letter queue, sends the mail.
    let right = format!("carol.{}@example.com", Uuid::new_v4().simple());
    let change = json!({ "email": right, "current_password": PASSWORD });
    let changed = carol.send(carol.request(Method::PUT, "/users/profile").json(&change)).await.expect(200);
    assert_eq!(changed["email"], right.as_str());
    let confirmed =
        received.iter().find(|event| event["event_type"] == "OrderConfirmed" && event["subject"] == order["id"]);
    let confirmed = confirmed.expect("the event").clone();
    let mut carol = carol;
    carol.email = right;
    eventually("the new address to be replicated", || async {
        let found = items_with("NotificationsTable", &carol.email).await;
        if found.is_empty() { Err("not yet".to_owned()) } else { Ok(()) }
    })
    .await;
    publish(&confirmed).await;
    carol.mail_about(&order, "is confirmed").await;
    carol.is_notified(Some(&order), "OrderConfirmed", "email", "sent").await;
    let received = recorder.record_until(|events| !notifications_of(events, &order["id"]).is_empty()).await;
    let [sent] = notifications_of(&received, &order["id"])[..] else { panic!("{received:?}") };
    assert_eq!((&sent["data"]["status"], &sent["sequence"]), (&json!("sent"), &json!(2)));
    recorder.stop().await;
}

/// An event that is received before the user is replicated fails, and is not published as failed; the queue delivers it
/// again.
#[tokio::test]
async fn an_event_of_an_unknown_user_is_not_lost() {
    let event = shipped(&json!(Uuid::new_v4()), &json!(Uuid::new_v4()));
    assert!(fails(&event, 1).await && fails(&event, MAX_DELIVERIES).await);
}

/// The old address belongs to another user by then.
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
