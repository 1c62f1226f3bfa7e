//! Payments that are declined, or that the provider does not respond to, with each card of the simulator.

use serde_json::{Value, json};
use testkit::{Person, Shop, has_overdue_reservation, invoke, is_postponed, resumes};

#[tokio::test]
async fn a_declined_card_cancels_the_order_and_releases_the_stock() {
    let shop = Shop::open().await;
    let mug = shop.product(3).await;
    let carol = Person::customer().await;
    let order = carol.check_out(&mug, 3, "pm_card_chargeDeclined").await;
    let cancelled = carol.outcome(&order).await;
    assert_eq!((&cancelled["status"], &cancelled["cancel_reason"]), (&"cancelled".into(), &"payment_declined".into()));
    // The stock was released before the order was cancelled.
    assert_eq!(shop.stock(&mug).await, (3, 0));
    let payment = shop.payment_becomes(&order, "declined").await;
    assert_eq!(payment["failure_reason"], "card_declined");
}

#[tokio::test]
async fn an_unknown_card_is_a_declined_card() {
    let shop = Shop::open().await;
    let mug = shop.product(1).await;
    let carol = Person::customer().await;
    let order = carol.check_out(&mug, 1, "pm_no_such_card").await;
    assert_eq!(carol.outcome(&order).await["cancel_reason"], "payment_declined");
    assert_eq!(shop.payment_becomes(&order, "declined").await["failure_reason"], "unknown_payment_method");
}

#[tokio::test]
async fn a_provider_that_fails_once_is_called_again() {
    let shop = Shop::open().await;
    let mug = shop.product(1).await;
    let carol = Person::customer().await;
    let order = carol.check_out(&mug, 1, "pm_card_failsOnce").await;
    assert_eq!(carol.outcome(&order).await["status"], "paid");
    shop.payment_becomes(&order, "captured").await;
}

/// The provider has authorized the payment but never responds. The checkout is deferred until the reservation expires,
/// and then the payment is voided, whether it exists or not.
#[tokio::test]
async fn a_provider_that_never_answers_cancels_the_order_when_the_reservation_expires() {
    order_that_the_provider_never_answered(&Person::customer().await).await;
}

/// Returns an order that was cancelled because the provider never responded.
pub async fn order_that_the_provider_never_answered(carol: &Person) -> Value {
    let shop = Shop::open().await;
    let mug = shop.product(1).await;
    let order = carol.check_out(&mug, 1, "pm_card_timeout").await;
    is_postponed(&order).await;
    assert_eq!(carol.order(&order).await["status"], "pending");
    assert_eq!(shop.stock(&mug).await, (0, 1));
    has_overdue_reservation(&order).await;
    invoke("SweepReservations", &json!({})).await.expect("a sweep");
    let cancelled = carol.outcome(&order).await;
    assert_eq!(
        (&cancelled["status"], &cancelled["cancel_reason"]),
        (&"cancelled".into(), &"payment_unavailable".into())
    );
    shop.has_available(&mug, 1).await;
    shop.payment_becomes(&order, "voided").await;
    assert!(!resumes(&order).await, "an order that has ended is not started again");
    cancelled
}

/// The provider is unavailable for longer than one execution; the next one succeeds.
#[tokio::test]
async fn a_provider_that_comes_back_is_paid() {
    order_whose_provider_came_back(&Person::customer().await).await;
}

/// Returns an order that was paid after the provider had failed for one execution.
pub async fn order_whose_provider_came_back(carol: &Person) -> Value {
    let shop = Shop::open().await;
    let mug = shop.product(1).await;
    let order = carol.check_out(&mug, 1, "pm_card_failsFive").await;
    is_postponed(&order).await;
    assert_eq!(carol.order(&order).await["status"], "pending");
    assert_eq!(shop.stock(&mug).await, (0, 1));
    assert!(resumes(&order).await, "it is started again if this attempt dies");
    let paid = carol.outcome(&order).await;
    assert_eq!(paid["status"], "paid");
    shop.payment_becomes(&order, "captured").await;
    shop.has_available(&mug, 0).await;
    assert!(!resumes(&order).await, "an order that is paid is not started again");
    paid
}
