//! Webhook events of the payment provider: in time, repeated, late, early, and forged.

use serde_json::{Value, json};
use testkit::{Person, Shop, Webhook, event, eventually, intent_of, is_authorized_at_provider, seconds};
use uuid::Uuid;

const AUTHORIZED: &str = "payment_intent.amount_capturable_updated";

/// Returns an order without a payment, and its intent as Stripe would send it.
async fn unpaid(shop: &Shop) -> (Value, Value) {
    let mug = shop.product(1).await;
    let order = Person::customer().await.post("/orders", &json!({ "items": [mug.order_line(1)] })).await.expect(201);
    let minor: i64 = order["total_amount"].as_str().unwrap().replace('.', "").parse().unwrap();
    let intent = json!({
        "id": format!("pi_{}", Uuid::new_v4().simple()),
        "object": "payment_intent",
        "status": "requires_capture",
        "amount": minor,
        "currency": "usd",
        "payment_method": "pm_card_visa",
        "metadata": { "order_id": order["id"], "user_id": order["user_id"] },
    });
    (order, intent)
}

/// Returns a paid order, and its intent as Stripe would send it.
async fn paid(shop: &Shop) -> (Value, Value) {
    let mug = shop.product(1).await;
    let carol = Person::customer().await;
    let order = carol.check_out(&mug, 1, "pm_card_visa").await;
    carol.outcome(&order).await;
    shop.payment_becomes(&order, "captured").await;
    let intent = intent_of(&order).await;
    (order, intent)
}

#[tokio::test]
async fn an_event_is_recorded_once() {
    let (shop, webhook) = (Shop::open().await, Webhook::open().await);
    let (order, intent) = unpaid(&shop).await;
    assert_eq!(webhook.deliver(AUTHORIZED, &intent).await.expect(200), json!({ "received": true }));
    let payment = shop.payment_becomes(&order, "authorized").await;
    assert_eq!(payment["amount"], order["total_amount"]);
    assert_eq!(payment["method"], "pm_card_visa");
    webhook.deliver(AUTHORIZED, &intent).await.expect(200);
    assert_eq!(shop.payments(&order).await, [payment]);

    webhook.deliver("payment_intent.canceled", &intent).await.expect(200);
    let payment = shop.payment_becomes(&order, "voided").await;
    for kind in ["payment_intent.canceled", AUTHORIZED, "payment_intent.payment_failed"] {
        webhook.deliver(kind, &intent).await.expect(200);
    }
    assert_eq!(shop.payments(&order).await, [payment]);
}

#[tokio::test]
async fn a_declined_payment_has_a_failure_reason() {
    let (shop, webhook) = (Shop::open().await, Webhook::open().await);
    let (order, mut intent) = unpaid(&shop).await;
    intent["status"] = json!("requires_payment_method");
    intent["last_payment_error"] =
        json!({ "type": "card_error", "code": "card_declined", "decline_code": "lost_card" });
    webhook.deliver("payment_intent.payment_failed", &intent).await.expect(200);
    assert_eq!(shop.payment_becomes(&order, "declined").await["failure_reason"], "lost_card");
}

#[tokio::test]
async fn a_late_event_changes_nothing() {
    let (shop, webhook) = (Shop::open().await, Webhook::open().await);
    let (order, intent) = paid(&shop).await;
    let payment = shop.payments(&order).await;
    for kind in [AUTHORIZED, "payment_intent.succeeded", "payment_intent.payment_failed", "payment_intent.succeeded"] {
        webhook.deliver(kind, &intent).await.expect(200);
    }
    assert_eq!(shop.payments(&order).await, payment);
}

/// The provider authorizes the amount and does not respond, but sends an event.
#[tokio::test]
async fn an_event_replaces_a_missing_response() {
    let (shop, webhook) = (Shop::open().await, Webhook::open().await);
    let mug = shop.product(1).await;
    let carol = Person::customer().await;
    let order = carol.check_out(&mug, 1, "pm_card_timeout").await;
    eventually("the amount to be authorized", || async {
        if is_authorized_at_provider(&order).await { Ok(()) } else { Err("not authorized".to_owned()) }
    })
    .await;
    webhook.deliver(AUTHORIZED, &intent_of(&order).await).await.expect(200);
    assert_eq!(carol.outcome(&order).await["status"], "paid");
    shop.payment_becomes(&order, "captured").await;
    shop.has_available(&mug, 0).await;
}

#[tokio::test]
async fn refunds_are_recorded_once() {
    let (shop, webhook) = (Shop::open().await, Webhook::open().await);
    let (order, intent) = paid(&shop).await;
    let refund = |status: &str, amount: i64, id: Uuid| {
        json!({
            "id": format!("re_{}", id.simple()),
            "object": "refund",
            "status": status,
            "amount": amount,
            "currency": "usd",
            "payment_intent": intent["id"],
            "failure_reason": if status == "failed" { json!("lost_or_stolen_card") } else { json!(null) },
            "metadata": { "order_id": order["id"], "user_id": order["user_id"], "refund_id": id },
        })
    };
    let id = Uuid::now_v7();
    webhook.deliver("refund.created", &refund("pending", 500, id)).await.expect(200);
    assert_eq!(shop.payments(&order).await[0]["refunded_amount"], "0.00");
    for kind in ["refund.created", "refund.updated", "charge.refund.updated"] {
        webhook.deliver(kind, &refund("succeeded", 500, id)).await.expect(200);
        let payment = &shop.payments(&order).await[0];
        assert_eq!((&payment["status"], &payment["refunded_amount"]), (&json!("partly_refunded"), &json!("5.00")));
    }
    // A refund that fails later contradicts the published event, so an operator has to look at it.
    let problem = webhook.deliver("refund.failed", &refund("failed", 500, id)).await.expect(409);
    assert_eq!(problem["code"], "contradiction");
    assert!(problem.get("payment").is_none(), "{problem}");
    // A refund that failed at once was never recorded.
    webhook.deliver("refund.failed", &refund("failed", 500, Uuid::now_v7())).await.expect(200);
    // A refund of more than what is left is a contradiction.
    webhook.deliver("refund.updated", &refund("succeeded", 1_000, Uuid::now_v7())).await.expect(409);
    webhook.deliver("refund.updated", &refund("succeeded", 750, Uuid::now_v7())).await.expect(200);
    let payment = shop.payment_becomes(&order, "refunded").await;
    assert_eq!(payment["refunded_amount"], order["total_amount"]);
}

#[tokio::test]
async fn contradictions_are_refused() {
    let (shop, webhook) = (Shop::open().await, Webhook::open().await);
    let (order, intent) = paid(&shop).await;
    let payment = shop.payments(&order).await;
    let with = |name: &str, value: Value| {
        let mut other = intent.clone();
        other[name] = value;
        other
    };
    let minor = intent["amount"].as_i64().unwrap();
    for (kind, object) in [
        ("payment_intent.canceled", intent.clone()),
        ("payment_intent.succeeded", with("amount", json!(minor + 1))),
        ("payment_intent.succeeded", with("amount_received", json!(minor - 1))),
        ("payment_intent.succeeded", with("currency", json!("eur"))),
    ] {
        let problem = webhook.deliver(kind, &object).await.expect(409);
        assert_eq!(problem["code"], "contradiction", "{kind} {object}");
    }
    assert_eq!(shop.payments(&order).await, payment);
}

#[tokio::test]
async fn events_of_other_shops_and_other_types_are_ignored() {
    let (shop, webhook) = (Shop::open().await, Webhook::open().await);
    let (order, intent) = unpaid(&shop).await;
    let mut foreign = intent.clone();
    foreign["metadata"] = json!({});
    webhook.deliver(AUTHORIZED, &foreign).await.expect(200);
    foreign["metadata"] = json!({ "order_id": "42", "user_id": order["user_id"] });
    webhook.deliver(AUTHORIZED, &foreign).await.expect(200);
    for kind in ["customer.created", "payment_intent.created", "payment_intent.processing", ""] {
        webhook.deliver(kind, &intent).await.expect(200);
    }
    assert!(shop.payments(&order).await.is_empty());
}

#[tokio::test]
async fn an_event_without_a_valid_signature_is_refused() {
    let (shop, webhook) = (Shop::open().await, Webhook::open().await);
    let (order, intent) = unpaid(&shop).await;
    let body = event(AUTHORIZED, &intent).to_string();
    let now = seconds();
    let good = webhook.signature(&body, now);
    let bad = [
        (body.clone(), None),
        (body.clone(), Some(String::new())),
        (body.clone(), Some(format!("t={now}"))),
        (body.clone(), Some(format!("t={now},v1={}", "0".repeat(64)))),
        (body.clone(), Some(good.replace("v1=", "v0="))),
        (body.clone(), Some(good.replace(&format!("t={now}"), &format!("t={}", now + 1)))),
        (body.replacen("1250", "1", 1), Some(good.clone())),
        (format!("{body} "), Some(good.clone())),
        (String::new(), Some(good.clone())),
    ];
    for (body, signature) in bad {
        let problem = webhook.send(&body, signature.as_deref()).await.expect(400);
        assert_eq!(problem["code"], "bad_signature", "{signature:?}");
    }
    for time in [now - 301, now + 360] {
        let problem = webhook.send(&body, Some(&webhook.signature(&body, time))).await.expect(400);
        assert_eq!(problem["code"], "old_signature");
    }
    for body in ["nonsense", "{}", r#"{"type":"payment_intent.succeeded","data":{"object":{}}}"#] {
        let problem = webhook.send(body, Some(&webhook.signature(body, now))).await.expect(400);
        assert_eq!(problem["code"], "malformed_event");
    }
    let large = format!("{body}{}", " ".repeat(70_000));
    assert_eq!(webhook.send(&large, Some(&webhook.signature(&large, now))).await.expect(413)["code"], "body_too_large");
    assert!(shop.payments(&order).await.is_empty());
    webhook.send(&body, Some(&good)).await.expect(200);
    shop.payment_becomes(&order, "authorized").await;
}
