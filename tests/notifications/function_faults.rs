//! Notifications while functions are killed and messages are delivered repeatedly.

use serde_json::Value;
use testkit::{Person, Shop};

use crate::orders::function_faults::{
    order_whose_payment_was_killed, orders_whose_functions_were_killed, orders_whose_messages_came_three_times,
};

/// Waits for the mail that says how an order ended.
async fn is_mailed(carol: &Person, ended: &Value) {
    let what = if ended["status"] == "paid" { "is confirmed" } else { "was cancelled" };
    carol.mail_about(ended, what).await;
}

#[tokio::test]
async fn an_order_whose_payment_was_killed_is_mailed() {
    let carol = Person::customer().await;
    is_mailed(&carol, &order_whose_payment_was_killed(&carol).await).await;
}

#[tokio::test]
async fn orders_whose_functions_were_killed_are_mailed() {
    let carol = Person::customer().await;
    for ended in orders_whose_functions_were_killed(&carol).await {
        is_mailed(&carol, &ended).await;
    }
}

#[tokio::test]
async fn every_message_comes_three_times_and_every_mail_once() {
    let shop = Shop::open().await;
    let mug = shop.product(10).await;
    let carol = Person::customer().await;
    let [paid, declined] = orders_whose_messages_came_three_times(&shop, &carol, &mug).await;
    for (order, end) in [(&paid, "is confirmed"), (&declined, "was cancelled")] {
        for what in ["We have your order", end] {
            carol.mail_about(order, what).await;
            assert_eq!(carol.mails_about(order, what).await.len(), 1, "{what}");
        }
        assert_eq!(carol.mails_with(order["id"].as_str().unwrap()).await.len(), 2);
    }
}
