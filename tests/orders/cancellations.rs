//! Cancellations of orders in each status, and between any two steps of the checkout.

use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use testkit::{PausedCheckout, Person, Product, Shop, eventually};

use crate::orders::order_lifecycle::{path, placed, step};

/// Waits until an order, its payment and its stock have reached a final state, and checks that they are consistent: all
/// of it is sold, or nothing. The order has one of the `before` pieces.
pub async fn settled(shop: &Shop, carol: &Person, mug: &Product, order: &Value, before: i64) -> Value {
    let ended = eventually("an order that is paid, or cancelled and settled", || async {
        let (found, payments) = (carol.order(order).await, shop.payments(order).await);
        let payment = payments.first().map_or("none", |payment| payment["status"].as_str().expect("a status"));
        let status = found["status"].as_str().expect("a status");
        match (status, payment) {
            ("paid", "captured") | ("refunded", "refunded") | ("cancelled", "none" | "voided" | "declined") => {
                Ok(found)
            }
            _ => Err(format!("{status}, {payment}")),
        }
    })
    .await;
    let left = if ended["status"] == "paid" { before - 1 } else { before };
    shop.has_available(mug, left).await;
    ended
}

#[tokio::test]
async fn before_it_is_shipped() {
    let shop = Shop::open().await;
    let (mug, carol, admin) = (shop.product(9).await, Person::customer().await, Person::admin().await);
    let cancel = async |person: &Person, order: &Value| person.delete(&path(order, "")).await;

    let order = placed(&carol, &mug).await;
    let cancelled = cancel(&carol, &order).await.expect(200);
    assert_eq!((&cancelled["status"], &cancelled["cancel_reason"]), (&json!("cancelled"), &json!("requested")));
    assert_eq!(cancel(&carol, &order).await.expect(200), cancelled, "cancelling it again has no effect");
    settled(&shop, &carol, &mug, &order, 9).await;
    let events = carol.get(&path(&order, "/events")).await.expect(200);
    assert_eq!(events["items"].as_array().map(Vec::len), Some(2));
    carol.post(&path(&order, "/payment"), &json!({})).await.expect(409);

    for steps in [&[][..], &["processing"]] {
        let order = carol.check_out(&mug, 1, "pm_card_visa").await;
        carol.outcome(&order).await;
        shop.payment_becomes(&order, "captured").await;
        for status in steps {
            step(&admin, &order, status).await;
        }
        let by_hand = json!({ "status": "cancelled", "reason": "The mug broke." });
        if steps.is_empty() {
            cancel(&carol, &order).await.expect(200);
        } else {
            admin.put(&path(&order, "/status"), &by_hand).await.expect(200);
        }
        let ended = settled(&shop, &carol, &mug, &order, 9).await;
        assert_eq!((&ended["status"], &ended["cancel_reason"]), (&json!("refunded"), &json!("requested")));
        assert_eq!(cancel(&carol, &order).await.expect(200)["status"], "refunded", "it was cancelled before");
        let events = carol.get(&path(&order, "/events")).await.expect(200);
        let [.., cancelled, refunded] = events["items"].as_array().unwrap().as_slice() else { panic!("{events}") };
        assert_eq!(cancelled["type"], "OrderCancelled");
        assert_eq!(cancelled.get("reason").is_some(), !steps.is_empty());
        assert_eq!(refunded["actor"], json!({ "kind": "system", "name": "remember-payment" }));
    }

    let order = carol.check_out(&mug, 1, "pm_card_visa").await;
    carol.outcome(&order).await;
    for (status, allowed) in [("processing", json!(null)), ("shipped", json!(["delivered"])), ("delivered", json!([]))]
    {
        step(&admin, &order, status).await;
        if !allowed.is_null() {
            for person in [&carol, &admin] {
                let problem = cancel(person, &order).await.expect(409);
                assert_eq!((&problem["code"], &problem["allowed"]), (&json!("step_not_allowed"), &allowed));
            }
        }
    }
    shop.has_available(&mug, 8).await;
    shop.payment_becomes(&order, "captured").await;
    cancel(&carol, &json!({ "id": "nonsense" })).await.expect(404);
}

/// The workflow pauses before each step in turn, the customer cancels, and the workflow continues.
#[tokio::test]
async fn between_any_two_steps_of_the_checkout() {
    let shop = Shop::open().await;
    let carol = Person::customer().await;
    // `(step before which it pauses, card, final status, reason)`
    let points = [
        ("ReserveStock", "pm_card_visa", "cancelled", "requested"),
        ("AuthorizePayment", "pm_card_visa", "cancelled", "requested"),
        ("ConfirmOrder", "pm_card_visa", "cancelled", "requested"),
        ("CapturePayment", "pm_card_visa", "cancelled", "requested"),
        ("the end", "pm_card_visa", "refunded", "requested"),
        ("ReleaseStock", "pm_card_chargeDeclined", "cancelled", "requested"),
        ("CancelOrder", "pm_card_chargeDeclined", "cancelled", "requested"),
        ("DeferCheckout", "pm_card_timeout", "cancelled", "requested"),
        ("EndOrder", "pm_card_captureFail", "cancelled", "requested"),
        ("VoidPayment", "pm_card_captureFail", "cancelled", "payment_declined"),
    ];
    let cancel_at = async |(point, card, end, reason): (&str, &str, &str, &str)| {
        let mug = shop.product(2).await;
        let order = placed(&carol, &mug).await;
        let paused = PausedCheckout::before(point, &order, card).await;
        carol.delete(&path(&order, "")).await.expect(200);
        if point == "CapturePayment" {
            // Otherwise the payment might be captured first and be refunded, which is another final state.
            shop.payment_becomes(&order, "voided").await;
        }
        let states = paused.ends().await;
        assert!(!states.iter().any(|state| state == "ParkOrder"), "{point}: {states:?}");
        let ended = settled(&shop, &carol, &mug, &order, 2).await;
        assert_eq!(ended["status"], end, "{point}: {states:?}");
        assert_eq!(ended["cancel_reason"], reason, "{point}");
    };
    // All of them at once would be too much for a small machine.
    for some in points.chunks(3) {
        join_all(some.iter().map(|point| cancel_at(*point))).await;
    }
}

/// The workflow is not paused, and cancellations come at any time.
#[tokio::test]
async fn at_any_moment_of_the_checkout() {
    let shop = Shop::open().await;
    let carol = Person::customer().await;
    let ended = join_all((0..10_u64).map(async |turn| {
        let mug = shop.product(2).await;
        let card = if turn % 4 == 3 { "pm_card_slow" } else { "pm_card_visa" };
        let order = carol.check_out(&mug, 1, card).await;
        tokio::time::sleep(Duration::from_millis(turn * 60)).await;
        let response = carol.delete(&path(&order, "")).await;
        let status = response.status.as_u16();
        // A cancellation that conflicts with the checkout twice has to be repeated.
        assert!(status == 200 || (status == 409 && response.body["code"] == "busy"), "{}", response.body);
        let ended = settled(&shop, &carol, &mug, &order, 2).await;
        assert_eq!(ended["status"] == "paid", status == 409, "{ended}");
        ended["status"].as_str().unwrap().to_owned()
    }))
    .await;
    eprintln!("{ended:?}");
}
