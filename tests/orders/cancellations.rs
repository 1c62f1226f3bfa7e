//! Cancellations in each state of an order and between any two steps of its checkout.

use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use testkit::{PausedCheckout, Person, Product, Shop, eventually};

use crate::orders::order_lifecycle::{path, placed, step};

/// Waits until an order, and the money and the stock of it, are at rest, and makes sure that they agree: all of it sold
/// or nothing. The order has one piece of the `before` ones.
pub async fn agree(shop: &Shop, carol: &Person, mug: &Product, order: &Value, before: i64) -> Value {
    let ended = eventually("an order to be paid, or cancelled and settled", || async {
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
    shop.settles_at(mug, left).await;
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
    assert_eq!(cancel(&carol, &order).await.expect(200), cancelled, "once more, and nothing changes");
    agree(&shop, &carol, &mug, &order, 9).await;
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
        let ended = agree(&shop, &carol, &mug, &order, 9).await;
        assert_eq!((&ended["status"], &ended["cancel_reason"]), (&json!("refunded"), &json!("requested")));
        assert_eq!(cancel(&carol, &order).await.expect(200)["status"], "refunded", "cancelled it was");
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
    shop.settles_at(&mug, 8).await;
    shop.payment_becomes(&order, "captured").await;
    cancel(&carol, &json!({ "id": "nonsense" })).await.expect(404);
}

/// The workflow stops at each point in turn, the customer cancels, the workflow goes on.
#[tokio::test]
async fn between_any_two_steps_of_the_checkout() {
    let shop = Shop::open().await;
    let carol = Person::customer().await;
    // `(where it stops, the card, how it ends, why)`
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
        let held = PausedCheckout::before(point, &order, card).await;
        carol.delete(&path(&order, "")).await.expect(200);
        if point == "CapturePayment" {
            // Else the money might be taken first and go back, which is another end.
            shop.payment_becomes(&order, "voided").await;
        }
        let states = held.ends().await;
        assert!(!states.iter().any(|state| state == "ParkOrder"), "{point}: {states:?}");
        let ended = agree(&shop, &carol, &mug, &order, 2).await;
        assert_eq!(ended["status"], end, "{point}: {states:?}");
        assert_eq!(ended["cancel_reason"], reason, "{point}");
    };
    // All at once they would be too much for a small machine.
    for some in points.chunks(3) {
        join_all(some.iter().map(|point| cancel_at(*point))).await;
    }
}

/// The workflow does not wait for anybody here; cancellations come when they like.
#[tokio::test]
async fn at_any_moment_of_the_checkout() {
    let shop = Shop::open().await;
    let carol = Person::customer().await;
    let ended = join_all((0..10_u64).map(async |turn| {
        let mug = shop.product(2).await;
        let card = if turn % 4 == 3 { "pm_card_slow" } else { "pm_card_visa" };
        let order = carol.check_out(&mug, 1, card).await;
        tokio::time::sleep(Duration::from_millis(turn * 60)).await;
        let answer = carol.delete(&path(&order, "")).await;
        let status = answer.status.as_u16();
        // Met by the checkout twice, it may have to come again.
        assert!(status == 200 || (status == 409 && answer.body["code"] == "busy"), "{}", answer.body);
        let ended = agree(&shop, &carol, &mug, &order, 2).await;
        assert_eq!(ended["status"] == "paid", status == 409, "{ended}");
        ended["status"].as_str().unwrap().to_owned()
    }))
    .await;
    eprintln!("{ended:?}");
}
