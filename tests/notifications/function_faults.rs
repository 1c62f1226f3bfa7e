//! Notifications while functions are killed and messages are delivered repeatedly.

use serde_json::Value;
use testkit::{Person, Shop};

use crate::orders::function_faults::{
    order_whose_payment_was_killed, orders_whose_functions_were_killed, orders_whose_messages_came_three_times,
};

/// Waits for the mail about the final status of an order.
async fn outcome_is_mailed(carol: &Person, ended: &Value) {
    let subject = if ended["status"] == "paid" { "is confirmed" } else { "was cancelled" };
    carol.mail_about(ended, subject).await;
}

#[tokio::test]
async fn an_order_whose_payment_was_killed_is_mailed() {
    let carol = Person::customer().await;
    outcome_is_mailed(&carol, &order_whose_payment_was_killed(&carol).await).await;
}

#[tokio::test]
async fn orders_whose_functions_were_killed_are_mailed() {
    let carol = Person::customer().await;
    for ended in orders_whose_functions_were_killed(&carol).await {
        outcome_is_mailed(&carol, &ended).await;
    }
}

#[tokio::test]
async fn messages_delivered_three_times_are_mailed_once() {
    let shop = Shop::open().await;
    let mug = shop.product(10).await;
    let carol = Person::customer().await;
    let [paid, declined] = orders_whose_messages_came_three_times(&shop, &carol, &mug).await;
    for (order, outcome) in [(&paid, "is confirmed"), (&declined, "was cancelled")] {
        for subject in ["We received your order", outcome] {
            carol.mail_about(order, subject).await;
            assert_eq!(carol.mails_about(order, subject).await.len(), 1, "{subject}");
        }
        assert_eq!(carol.mails_with(order["id"].as_str().unwrap()).await.len(), 2);
    }
}
