//! Checkouts that are started repeatedly, as EXPRESS workflows may be: each order is paid once.

use futures::future::join_all;
use serde_json::{Value, json};
use testkit::{Checkout, Person, Product, Shop};

use crate::{
    orders::cancellations::settled,
    orders::order_lifecycle::{path, placed},
};

/// Runs that number of checkouts of `order` at the same time, until all of them have ended.
pub async fn check_out_at_once(times: usize, order: &Value, card: &str) {
    let started = join_all((0..times).map(|_| Checkout::of(order, card))).await;
    for states in join_all(started.into_iter().map(Checkout::ends)).await {
        assert!(!states.iter().any(|state| state == "ParkOrder"), "{card}: {states:?}");
    }
}

/// Runs two checkouts of an order at the same time, and a third one afterwards. Checks that they sell it once or not at
/// all.
pub async fn ends_once(shop: &Shop, carol: &Person, mug: &Product, pieces: i64, card: &str) -> Value {
    let order = placed(carol, mug).await;
    check_out_at_once(2, &order, card).await;
    let ended = settled(shop, carol, mug, &order, pieces).await;
    check_out_at_once(1, &order, card).await;
    assert_eq!(settled(shop, carol, mug, &order, pieces).await, ended, "{card}: it had ended");
    ended
}

#[tokio::test]
async fn a_good_card() {
    let shop = Shop::open().await;
    let carol = Person::customer().await;
    join_all(["pm_card_visa", "pm_card_slow", "pm_card_failsOnce"].map(async |card| {
        let mug = shop.product(3).await;
        let order = ends_once(&shop, &carol, &mug, 3, card).await;
        assert_eq!(order["status"], "paid", "{card}");
        carol.delete(&path(&order, "")).await.expect(200);
        assert_eq!(settled(&shop, &carol, &mug, &order, 3).await["status"], "refunded");
        check_out_at_once(2, &order, card).await;
        assert_eq!(settled(&shop, &carol, &mug, &order, 3).await["status"], "refunded", "{card}: it was cancelled");
    }))
    .await;
}

/// `(card, pieces in stock, reason)` of checkouts that sell nothing.
pub const NO_SALE: [(&str, i64, &str); 3] = [
    ("pm_card_chargeDeclined", 1, "payment_declined"),
    ("pm_card_captureFail", 1, "payment_declined"),
    ("pm_card_visa", 0, "out_of_stock"),
];

#[tokio::test]
async fn no_sale() {
    let shop = Shop::open().await;
    let carol = Person::customer().await;
    join_all(NO_SALE.map(async |(card, pieces, reason)| {
        let mug = shop.product(pieces).await;
        let order = ends_once(&shop, &carol, &mug, pieces, card).await;
        assert_eq!((&order["status"], &order["cancel_reason"]), (&json!("cancelled"), &json!(reason)), "{card}");
    }))
    .await;
}

/// One of two checkouts fails after the other one has sold the order. Nothing of the sale is undone.
#[tokio::test]
async fn a_failing_checkout_does_not_undo_a_sale() {
    let shop = Shop::open().await;
    let carol = Person::customer().await;
    join_all(["ReserveStock", "ConfirmOrder", "CapturePayment"].map(async |broken| {
        let mug = shop.product(1).await;
        let order = placed(&carol, &mug).await;
        check_out_at_once(1, &order, "pm_card_visa").await;
        let states = Checkout::without(broken, &order, "pm_card_visa").await.ends().await;
        assert_eq!(states.last().map(String::as_str), Some("SaleStands"), "{broken}: {states:?}");
        assert_eq!(settled(&shop, &carol, &mug, &order, 1).await["status"], "paid", "{broken}");
    }))
    .await;
}
