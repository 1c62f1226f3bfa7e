//! A first order through the whole shop, from registration to the mail.

use testkit::{Person, Shop};

use crate::orders::checkout::events_carry_the_correlation_id;

#[tokio::test]
async fn a_first_order_from_registration_to_the_mail() {
    let shop = Shop::open().await;
    let mug = shop.product(10).await;
    let carol = Person::customer().await;
    let order = carol.check_out(&mug, 2, "pm_card_visa").await;
    assert_eq!(carol.outcome(&order).await["status"], "paid");
    let mail = carol.mail_about(&order, "is confirmed").await;
    for part in ["text", "html"] {
        let content = mail[part].as_str().expect("a text");
        let is_complete = content.contains("Carol") && content.contains(&mug.name) && content.contains("25.00 USD");
        assert!(is_complete, "{content}");
    }
}

#[tokio::test]
async fn notifications_carry_the_correlation_id() {
    events_carry_the_correlation_id(&["NotificationSent"]).await;
}
