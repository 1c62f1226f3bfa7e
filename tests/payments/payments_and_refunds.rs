//! Payments and refunds: an order is paid once, and refunded in parts, never more than was captured.

use std::collections::BTreeSet;

use futures::future::join_all;
use serde_json::{Value, json};
use testkit::{Answer, EventRecorder, PausedCheckout, Person, Product, Shop, drained, eventually, invoke, send_now};
use uuid::Uuid;

use crate::orders::order_lifecycle::{path, placed};

/// Returns a paid order of one mug for 12.50, and its captured payment.
async fn captured(shop: &Shop, carol: &Person, mug: &Product, method: &str) -> (Value, Value) {
    let order = carol.check_out(mug, 1, method).await;
    assert_eq!(carol.outcome(&order).await["status"], "paid");
    let payment = shop.payment_becomes(&order, "captured").await;
    (order, payment)
}

fn payment_of(order: &Value, amount: &str, method: &str) -> Value {
    json!({ "order_id": order["id"], "amount": amount, "method": method })
}

#[tokio::test]
async fn an_order_is_paid_through_the_payments_api() {
    let shop = Shop::open().await;
    let (mug, carol) = (shop.product(3).await, Person::customer().await);
    let order = placed(&carol, &mug).await;
    let body = payment_of(&order, "12.50", "pm_card_visa");
    let key = Uuid::new_v4().to_string();
    let pay = async || {
        let request = carol.request(reqwest::Method::POST, "/payments").header("idempotency-key", &key).json(&body);
        carol.send(request).await
    };
    let pending = pay().await.expect(202);
    assert_eq!((&pending["status"], &pending["amount"]), (&json!("pending"), &json!("12.50")));
    assert_eq!(pay().await.expect(202), pending, "a repeated request gets the same response");
    assert_eq!(carol.outcome(&order).await["status"], "paid");
    let payment = shop.payment_becomes(&order, "captured").await;
    assert_eq!((&payment["id"], &payment["method"]), (&pending["id"], &json!("pm_card_visa")));
    assert_eq!(pay().await.expect(202), pending, "the stored response does not change with the payment");

    let problem = carol.post("/payments", &body).await.expect(409);
    assert_eq!((&problem["code"], &problem["payment"]), (&json!("payment_exists"), &payment));
}

#[tokio::test]
async fn a_declined_payment_cancels_the_order_through_either_api() {
    let shop = Shop::open().await;
    let (mug, carol) = (shop.product(1).await, Person::customer().await);
    let order = placed(&carol, &mug).await;
    carol.post("/payments", &payment_of(&order, "12.50", "pm_card_chargeDeclined")).await.expect(202);
    assert_eq!(carol.outcome(&order).await["cancel_reason"], "payment_declined");
    shop.payment_becomes(&order, "declined").await;
    shop.has_available(&mug, 1).await;
}

/// The first request starts the checkout; the order has one payment, whichever API is used.
#[tokio::test]
async fn concurrent_requests_through_both_apis_make_one_payment() {
    let shop = Shop::open().await;
    let (mug, carol) = (shop.product(3).await, Person::customer().await);
    let order = placed(&carol, &mug).await;
    let (order_path, by_order) = (path(&order, "/payment"), json!({ "payment_method": "pm_card_visa" }));
    let by_payments = payment_of(&order, "12.50", "pm_card_visa");
    let requests = (0..8).map(|index| {
        let (carol, order_path, by_order, by_payments) = (&carol, &order_path, &by_order, &by_payments);
        async move {
            if index % 2 == 0 {
                carol.post("/payments", by_payments).await.status.as_u16()
            } else {
                carol.post(order_path, by_order).await.status.as_u16()
            }
        }
    });
    let statuses: BTreeSet<u16> = join_all(requests).await.into_iter().collect();
    assert!(statuses.is_subset(&BTreeSet::from([202, 409])) && statuses.contains(&202), "{statuses:?}");
    assert_eq!(carol.outcome(&order).await["status"], "paid");
    shop.payment_becomes(&order, "captured").await;
    assert_eq!(shop.payments(&order).await.len(), 1);
    shop.has_available(&mug, 2).await;
}

#[tokio::test]
async fn what_is_wrong_with_a_payment_is_named() {
    let shop = Shop::open().await;
    let (mug, carol, dave) = (shop.product(3).await, Person::customer().await, Person::customer().await);
    let order = placed(&carol, &mug).await;
    let good = payment_of(&order, "12.50", "pm_card_visa");
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body
    };
    for (name, value, code) in [
        ("amount", json!("12.49"), "amount_differs"),
        ("amount", json!(0), "amount_differs"),
        ("amount", json!(-1), "out_of_range"),
        ("amount", json!("12.505"), "not_an_amount"),
        ("amount", json!(null), "required"),
        ("method", json!("bitcoin"), "unknown_payment_method"),
        ("method", json!("pm_card_of_nobody"), "unknown_payment_method"),
        ("method", json!(4242424242424242_u64), "wrong_type"),
        ("order_id", json!("one"), "not_an_id"),
        ("status", json!("captured"), "unknown_field"),
    ] {
        let problem = carol.post("/payments", &with(name, value)).await.expect(422);
        let [error] = problem["errors"].as_array().unwrap().as_slice() else { panic!("{problem}") };
        assert_eq!((&error["field"], &error["code"]), (&json!(name), &json!(code)), "{problem}");
    }
    dave.post("/payments", &good).await.expect(404);
    carol.post("/payments", &with("order_id", json!(Uuid::now_v7()))).await.expect(404);
    Person::anonymous().post("/payments", &good).await.expect(401);
    assert!(shop.payments(&order).await.is_empty(), "a refused request records nothing");
    assert_eq!(carol.order(&order).await["status"], "pending");

    carol.delete(&path(&order, "")).await.expect(200);
    eventually("the order to be barred", || async {
        let answer = carol.post("/payments", &good).await;
        if answer.status == 409 { Ok(()) } else { Err(answer.status.to_string()) }
    })
    .await;
    assert_eq!(carol.order(&order).await["status"], "cancelled");
}

#[tokio::test]
async fn refunds_never_exceed_the_captured_amount() {
    let shop = Shop::open().await;
    let (mug, carol, admin) = (shop.product(3).await, Person::customer().await, Person::admin().await);
    let (order, payment) = captured(&shop, &carol, &mug, "pm_card_visa").await;
    let refund = async |amount: &str| {
        let body = json!({ "payment_id": payment["id"], "amount": amount, "reason": "a chipped rim" });
        admin.post("/payments/refund", &body).await
    };
    let part = refund("2.50").await.expect(201);
    assert_eq!((&part["status"], &part["refunded_amount"]), (&json!("partly_refunded"), &json!("2.50")));
    assert_eq!(part["refunds"][0]["status"], "succeeded");
    assert_eq!(part["refunds"][0]["reason"], "a chipped rim");
    let problem = refund("10.01").await.expect(422);
    assert_eq!(problem["errors"][0]["code"], "too_much");
    assert!(problem["detail"].as_str().unwrap().contains("10.00"), "{problem}");
    refund("0").await.expect(422);

    // Of twenty concurrent refunds, what is left suffices for four.
    let answers = join_all((0..20).map(|_| refund("2.50"))).await;
    let status = |answer: &Answer| answer.status.as_u16();
    let done = answers.iter().filter(|answer| [201, 202].contains(&status(answer))).count();
    assert!(answers.iter().all(|answer| [201, 202, 409, 422].contains(&status(answer))));
    // Refunds that met too many conflicts are pending.
    invoke("SettleRefunds", &json!({})).await.expect("a run of SettleRefunds");
    let now = carol.get(&format!("/payments/{}", payment["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(now["refunds"].as_array().map(Vec::len), Some(1 + done));
    assert!((1..=4).contains(&done), "{done}");
    let rest = json!({ "order_id": order["id"] });
    if done < 4 {
        // Some requests gave up after too many conflicts.
        assert_eq!(admin.post("/payments/refund", &rest).await.expect(201)["status"], "refunded");
    }
    let ended = shop.payment_becomes(&order, "refunded").await;
    assert_eq!(ended["refunded_amount"], "12.50");
    assert_eq!(admin.post("/payments/refund", &rest).await.expect(422)["errors"][0]["code"], "too_much");

    // A paid order that was refunded in full becomes `refunded` when it is cancelled.
    assert_eq!(carol.order(&order).await["status"], "paid");
    carol.delete(&path(&order, "")).await.expect(200);
    eventually("the order to be refunded", || async {
        let found = carol.order(&order).await;
        if found["status"] == "refunded" { Ok(()) } else { Err(found.to_string()) }
    })
    .await;
    assert_eq!(shop.payment_becomes(&order, "refunded").await["refunded_amount"], "12.50", "nothing is refunded twice");
    shop.has_available(&mug, 3).await;
}

/// An order that is cancelled after a partial refund is refunded the rest.
#[tokio::test]
async fn a_cancelled_order_is_refunded_what_is_left() {
    let shop = Shop::open().await;
    let (mug, carol, admin) = (shop.product(3).await, Person::customer().await, Person::admin().await);
    let (order, payment) = captured(&shop, &carol, &mug, "pm_card_visa").await;
    let body = json!({ "payment_id": payment["id"], "amount": "2.50" });
    admin.post("/payments/refund", &body).await.expect(201);
    carol.delete(&path(&order, "")).await.expect(200);
    let ended = shop.payment_becomes(&order, "refunded").await;
    let parts: Vec<&str> =
        ended["refunds"].as_array().unwrap().iter().map(|part| part["amount"].as_str().unwrap()).collect();
    assert_eq!(parts, ["2.50", "10.00"]);
    eventually("the order to be refunded", || async {
        let found = carol.order(&order).await;
        if found["status"] == "refunded" { Ok(()) } else { Err(found.to_string()) }
    })
    .await;
}

#[tokio::test]
async fn a_repeated_refund_request_refunds_once() {
    let shop = Shop::open().await;
    let (mug, carol, admin) = (shop.product(3).await, Person::customer().await, Person::admin().await);
    let (_, payment) = captured(&shop, &carol, &mug, "pm_card_visa").await;
    let key = Uuid::new_v4().to_string();
    let refund = async |amount: &str| {
        let body = json!({ "payment_id": payment["id"], "amount": amount });
        let request = admin.request(reqwest::Method::POST, "/payments/refund").header("idempotency-key", &key);
        admin.send(request.json(&body)).await
    };
    let first = refund("2.50").await.expect(201);
    assert_eq!(refund("2.50").await.expect(201), first);
    assert_eq!(refund("3.50").await.expect(422)["code"], "idempotency_key_reused");
    let at_once = join_all((0..4).map(|_| refund("2.50"))).await;
    assert!(at_once.into_iter().all(|answer| answer.expect(201) == first));
    assert_eq!(first["refunds"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn impossible_refunds_are_refused() {
    let shop = Shop::open().await;
    let (mug, carol, admin) = (shop.product(5).await, Person::customer().await, Person::admin().await);
    let refund = async |body: Value| admin.post("/payments/refund", &body).await;

    let order = placed(&carol, &mug).await;
    carol.post("/payments", &payment_of(&order, "12.50", "pm_card_chargeDeclined")).await.expect(202);
    carol.outcome(&order).await;
    let declined = shop.payment_becomes(&order, "declined").await;
    assert_eq!(refund(json!({ "payment_id": declined["id"] })).await.expect(409)["code"], "not_captured");

    let (_, payment) = captured(&shop, &carol, &mug, "pm_card_refundFail").await;
    let problem = refund(json!({ "payment_id": payment["id"], "amount": "1.00" })).await.expect(409);
    assert_eq!(problem["code"], "refund_refused");
    let now = carol.get(&format!("/payments/{}", payment["id"].as_str().unwrap())).await.expect(200);
    assert_eq!((&now["status"], &now["refunded_amount"]), (&json!("captured"), &json!("0.00")));
    assert_eq!(now["refunds"][0]["status"], "failed");

    refund(json!({ "payment_id": Uuid::now_v7() })).await.expect(404);
    refund(json!({ "order_id": Uuid::now_v7() })).await.expect(404);
    refund(json!({})).await.expect(422);
    refund(json!({ "payment_id": payment["id"], "order_id": Uuid::now_v7() })).await.expect(422);
    refund(json!({ "payment_id": payment["id"], "amount": "1.001" })).await.expect(422);
    carol.post("/payments/refund", &json!({ "payment_id": payment["id"] })).await.expect(403);
}

/// Checks that payments are counted and that the sums agree, which is all that is certain, because other tests pay
/// meanwhile.
#[tokio::test]
async fn payments_are_counted() {
    let shop = Shop::open().await;
    let (mug, carol, admin) = (shop.product(3).await, Person::customer().await, Person::admin().await);
    let stats = async || admin.get("/payments/stats").await.expect(200);
    let usd = |totals: &Value| -> i64 {
        let usd = totals.as_array().expect("a list").iter().find(|total| total["currency"] == "USD");
        usd.map_or(0, |total| total["amount"].as_str().unwrap().replace('.', "").parse().expect("an amount"))
    };
    let before = stats().await;
    let (_, payment) = captured(&shop, &carol, &mug, "pm_card_visa").await;
    let body = json!({ "payment_id": payment["id"], "amount": "2.50" });
    admin.post("/payments/refund", &body).await.expect(201);
    let after = stats().await;
    for (what, minor) in [("captured", 1_250), ("refunded", 250)] {
        let count = |stats: &Value| stats[what]["count"].as_i64().expect("a number");
        assert!(count(&after) > count(&before), "{what}");
        assert!(usd(&after[what]["totals"]) >= usd(&before[what]["totals"]) + minor, "{what}");
    }
    assert_eq!(usd(&after["net"]), usd(&after["captured"]["totals"]) - usd(&after["refunded"]["totals"]));
    carol.get("/payments/stats").await.expect(403);
    Person::anonymous().get("/payments/stats").await.expect(401);
}

/// A confirmed order whose checkout died before the capture is captured by the consumer of `OrderConfirmed`.
#[tokio::test]
async fn a_confirmed_order_is_captured_without_its_checkout() {
    let shop = Shop::open().await;
    let (mug, carol) = (shop.product(3).await, Person::customer().await);
    let mut recorder = EventRecorder::start().await;
    let order = placed(&carol, &mug).await;
    let checkout = PausedCheckout::before("CapturePayment", &order, "pm_card_visa").await;
    let is_confirmed = |event: &Value| event["event_type"] == "OrderConfirmed" && event["subject"] == order["id"];
    let events = recorder.record_until(|events| events.iter().any(is_confirmed)).await;
    shop.payment_becomes(&order, "authorized").await;
    let confirmed = events.iter().find(|event| is_confirmed(event)).expect("OrderConfirmed");
    // This skips the delay of the queue, which is some minutes.
    send_now("CaptureConfirmedQueue", confirmed).await;
    shop.payment_becomes(&order, "captured").await;
    send_now("CaptureConfirmedQueue", confirmed).await;
    drained("CaptureConfirmedQueue").await;
    checkout.ends().await;
    assert_eq!(carol.order(&order).await["status"], "paid");
    shop.payment_becomes(&order, "captured").await;
    let is_payment =
        |event: &&Value| event["event_type"] == "PaymentProcessed" && event["data"]["order_id"] == order["id"];
    let events = recorder.record_until(|events| events.iter().any(|event| is_payment(&event))).await;
    recorder.stop().await;
    assert_eq!(events.iter().filter(is_payment).count(), 1);
}

/// A confirmed order is cancelled if its checkout died and the provider refuses the capture.
#[tokio::test]
async fn a_confirmed_order_that_cannot_be_captured_is_cancelled() {
    let shop = Shop::open().await;
    let (mug, carol) = (shop.product(3).await, Person::customer().await);
    let mut recorder = EventRecorder::start().await;
    let order = placed(&carol, &mug).await;
    let checkout = PausedCheckout::before("CapturePayment", &order, "pm_card_captureFail").await;
    let is_confirmed = |event: &Value| event["event_type"] == "OrderConfirmed" && event["subject"] == order["id"];
    let events = recorder.record_until(|events| events.iter().any(is_confirmed)).await;
    recorder.stop().await;
    let confirmed = events.iter().find(|event| is_confirmed(event)).expect("OrderConfirmed");
    send_now("CaptureConfirmedQueue", confirmed).await;
    eventually("the order to be cancelled", || async {
        let found = carol.order(&order).await;
        let end = (&found["status"], &found["cancel_reason"]);
        if end == (&json!("cancelled"), &json!("payment_declined")) { Ok(()) } else { Err(found.to_string()) }
    })
    .await;
    shop.payment_becomes(&order, "voided").await;
    shop.has_available(&mug, 3).await;
    checkout.ends().await;
    assert_eq!(carol.order(&order).await["status"], "cancelled");
    shop.has_available(&mug, 3).await;
}

/// The provider makes the refund but does not respond: the refund is pending until it is retried.
#[tokio::test]
async fn a_refund_is_pending_until_the_provider_responds() {
    let shop = Shop::open().await;
    let (mug, carol, admin) = (shop.product(3).await, Person::customer().await, Person::admin().await);
    let (_, payment) = captured(&shop, &carol, &mug, "pm_card_refundTimeout").await;
    let body = json!({ "payment_id": payment["id"], "amount": "10.00" });
    let answer = admin.post("/payments/refund", &body).await;
    // A scheduled run may settle the refund while the request waits for the provider.
    let is_pending = answer.status == 202;
    let response = answer.expect(if is_pending { 202 } else { 201 });
    let expected = if is_pending { ("captured", "pending") } else { ("partly_refunded", "succeeded") };
    assert_eq!((&response["status"], &response["refunds"][0]["status"]), (&json!(expected.0), &json!(expected.1)));
    assert_eq!(admin.post("/payments/refund", &body).await.expect(422)["errors"][0]["code"], "too_much");
    invoke("SettleRefunds", &json!({})).await.expect("a run of SettleRefunds");
    let now = carol.get(&format!("/payments/{}", payment["id"].as_str().unwrap())).await.expect(200);
    assert_eq!((&now["status"], &now["refunded_amount"]), (&json!("partly_refunded"), &json!("10.00")));
    assert_eq!(now["refunds"].as_array().map(Vec::len), Some(1));
}
