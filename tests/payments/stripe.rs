//! Payments on a stack with Stripe: the shop and Stripe agree, and refunds from the dashboard are recorded.

use serde_json::json;
use testkit::{Person, Shop, eventually, intent_of, stripe};

/// Stripe authorizes the amount and does not respond, but sends an event.
#[tokio::test]
async fn a_payment_authorized_only_by_an_event_is_captured() {
    let shop = Shop::open().await;
    let mug = shop.product(1).await;
    let carol = Person::customer().await;
    let order = carol.check_out(&mug, 1, "pm_card_timeout").await;
    assert_eq!(carol.outcome(&order).await["status"], "paid");
    shop.payment_becomes(&order, "captured").await;
    let intent = intent_of(&order).await;
    assert_eq!((&intent["status"], &intent["amount"]), (&json!("succeeded"), &json!(1_250)));
}

#[tokio::test]
async fn a_declined_payment_is_cancelled_at_stripe() {
    let shop = Shop::open().await;
    let mug = shop.product(1).await;
    let carol = Person::customer().await;
    let order = carol.check_out(&mug, 1, "pm_card_chargeDeclined").await;
    assert_eq!(carol.outcome(&order).await["cancel_reason"], "payment_declined");
    assert_eq!(intent_of(&order).await["status"], "canceled");
}

/// Stripe's events of such a refund do not name the order.
#[tokio::test]
async fn a_refund_in_the_dashboard_is_recorded() {
    let shop = Shop::open().await;
    let mug = shop.product(1).await;
    let carol = Person::customer().await;
    let order = carol.check_out(&mug, 1, "pm_card_visa").await;
    carol.outcome(&order).await;
    shop.payment_becomes(&order, "captured").await;
    let intent = intent_of(&order).await;
    let id = intent["id"].as_str().unwrap();
    let refund = async |minor: &str, expected: &str| {
        stripe("POST", "/v1/refunds", &[("payment_intent", id), ("amount", minor)]).await;
        eventually("the refund to be recorded", || async {
            let payment = shop.payments(&order).await.remove(0);
            if payment["refunded_amount"] == expected { Ok(payment) } else { Err(payment.to_string()) }
        })
        .await
    };
    assert_eq!(refund("500", "5.00").await["status"], "partly_refunded");
    assert_eq!(refund("750", "12.50").await["status"], "refunded");
}
