//! The mails about orders that are paid or cancelled, for each possible course of a checkout.

use futures::future::join_all;
use serde_json::Value;
use testkit::{Person, Shop, eventually};

use crate::{
    inventory::stock_levels::order_whose_reservation_expired,
    orders::{
        declined_payments::{order_that_the_provider_never_answered, order_whose_provider_came_back},
        order_lifecycle::placed,
        repeated_checkouts::{NO_SALE, ends_once},
        unpaid_orders::{order_that_nobody_paid, order_whose_checkout_died},
    },
};

/// Returns the text of the mail about the cancellation of an order.
async fn cancellation(carol: &Person, order: &Value) -> String {
    carol.mail_about(order, "was cancelled").await["text"].as_str().expect("a text").to_owned()
}

#[tokio::test]
async fn a_declined_card() {
    let shop = Shop::open().await;
    let mug = shop.product(3).await;
    let carol = Person::customer().await;
    let order = carol.check_out(&mug, 3, "pm_card_chargeDeclined").await;
    let text = cancellation(&carol, &order).await;
    assert!(text.contains("Your payment could not be completed"), "{text}");
    assert_eq!(carol.mails_about(&order, "was cancelled").await.len(), 1);
    assert!(carol.mails_about(&order, "is confirmed").await.is_empty());
}

#[tokio::test]
async fn too_little_stock() {
    let shop = Shop::open().await;
    let mug = shop.product(2).await;
    let carol = Person::customer().await;
    let order = carol.check_out(&mug, 3, "pm_card_visa").await;
    let text = cancellation(&carol, &order).await;
    assert!(text.contains("out of stock"), "{text}");
}

#[tokio::test]
async fn a_payment_made_in_payments() {
    let shop = Shop::open().await;
    let (mug, carol) = (shop.product(3).await, Person::customer().await);
    let order = placed(&carol, &mug).await;
    let body = serde_json::json!({ "order_id": order["id"], "amount": "12.50", "method": "pm_card_visa" });
    carol.post("/payments", &body).await.expect(202);
    let mail = carol.mail_about(&order, "is confirmed").await;
    assert!(mail["text"].as_str().unwrap().contains("12.50"), "{mail}");
}

#[tokio::test]
async fn an_order_that_nobody_pays() {
    let carol = Person::customer().await;
    let text = cancellation(&carol, &order_that_nobody_paid(&carol).await).await;
    assert!(text.contains("We did not receive your payment in time"), "{text}");
}

#[tokio::test]
async fn a_reservation_that_expires() {
    let carol = Person::customer().await;
    cancellation(&carol, &order_whose_reservation_expired(&carol).await).await;
}

#[tokio::test]
async fn a_checkout_that_died() {
    let carol = Person::customer().await;
    cancellation(&carol, &order_whose_checkout_died(&carol).await).await;
}

#[tokio::test]
async fn a_provider_that_never_answers() {
    let carol = Person::customer().await;
    cancellation(&carol, &order_that_the_provider_never_answered(&carol).await).await;
}

#[tokio::test]
async fn a_provider_that_comes_back() {
    let carol = Person::customer().await;
    let order = order_whose_provider_came_back(&carol).await;
    carol.mail_about(&order, "is confirmed").await;
}

#[tokio::test]
async fn a_checkout_that_sells_is_repeated() {
    let shop = Shop::open().await;
    let carol = Person::customer().await;
    join_all(["pm_card_visa", "pm_card_slow", "pm_card_failsOnce"].map(async |card| {
        let mug = shop.product(3).await;
        let order = ends_once(&shop, &carol, &mug, 3, card).await;
        carol.mail_about(&order, "is confirmed").await;
        assert_eq!(carol.mails_about(&order, "is confirmed").await.len(), 1, "{card}");
    }))
    .await;
}

#[tokio::test]
async fn a_checkout_that_sells_nothing_is_repeated() {
    let shop = Shop::open().await;
    let carol = Person::customer().await;
    join_all(NO_SALE.map(async |(card, pieces, _)| {
        let mug = shop.product(pieces).await;
        let order = ends_once(&shop, &carol, &mug, pieces, card).await;
        // The order was placed and cancelled. If the capture is refused, it was also confirmed in between.
        let mails = if card == "pm_card_captureFail" { 3 } else { 2 };
        let id = order["id"].as_str().unwrap();
        eventually("the mails about the order", || async {
            let found = carol.mails_with(id).await;
            if found.len() == mails { Ok(()) } else { Err(format!("{found:?}")) }
        })
        .await;
    }))
    .await;
}
