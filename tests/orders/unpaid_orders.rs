//! Orders that nobody pays, and orders whose checkout died: a schedule cancels them.

use serde_json::{Value, json};
use testkit::{Person, Shop, invoke, is_aged, is_postponed, is_removed};

use crate::orders::order_lifecycle::{path, placed};

async fn end_unpaid() {
    invoke("EndUnpaid", &json!({})).await.expect("a run");
}

/// Returns the type and the actor of an order's last event.
async fn last_event(carol: &Person, order: &Value) -> (Value, Value) {
    let events = carol.get(&path(order, "/events")).await.expect(200);
    let last = events["items"].as_array().and_then(|events| events.last()).expect("events");
    (last["type"].clone(), last["actor"]["name"].clone())
}

#[tokio::test]
async fn an_order_that_nobody_pays() {
    order_that_nobody_paid(&Person::customer().await).await;
}

/// Returns an order that was cancelled because it was not paid in time.
pub async fn order_that_nobody_paid(carol: &Person) -> Value {
    let shop = Shop::open().await;
    let mug = shop.product(2).await;
    let (old, young) = (placed(carol, &mug).await, placed(carol, &mug).await);
    is_aged(&old).await;
    end_unpaid().await;
    let ended = carol.outcome(&old).await;
    assert_eq!((&ended["status"], &ended["cancel_reason"]), (&json!("cancelled"), &json!("unpaid")));
    assert_eq!(last_event(carol, &old).await, (json!("OrderCancelled"), json!("end-unpaid")));
    assert_eq!(carol.order(&young).await["status"], "pending");
    shop.has_available(&mug, 2).await;
    ended
}

/// The execution has ended, and the entry that would have started the next one is lost.
#[tokio::test]
async fn an_order_whose_checkout_died() {
    order_whose_checkout_died(&Person::customer().await).await;
}

/// Returns an order that was cancelled because nothing would have continued its checkout.
pub async fn order_whose_checkout_died(carol: &Person) -> Value {
    let shop = Shop::open().await;
    let mug = shop.product(2).await;
    let order = carol.check_out(&mug, 1, "pm_card_failsFive").await;
    is_postponed(&order).await;
    is_aged(&order).await;
    end_unpaid().await;
    assert_eq!(carol.order(&order).await["status"], "pending", "its checkout is deferred");
    is_removed(&order).await;
    end_unpaid().await;
    let ended = carol.outcome(&order).await;
    assert_eq!((&ended["status"], &ended["cancel_reason"]), (&json!("cancelled"), &json!("checkout_failed")));
    shop.has_available(&mug, 2).await;
    ended
}
