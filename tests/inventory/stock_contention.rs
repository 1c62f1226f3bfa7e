//! Orders for more than there is in stock.

use futures::future::join_all;
use testkit::{Person, Shop};

#[tokio::test]
async fn too_little_stock_cancels_the_order_before_anything_is_paid() {
    let shop = Shop::open().await;
    let mug = shop.product(2).await;
    let carol = Person::customer().await;
    let order = carol.check_out(&mug, 3, "pm_card_visa").await;
    let cancelled = carol.outcome(&order).await;
    assert_eq!((&cancelled["status"], &cancelled["cancel_reason"]), (&"cancelled".into(), &"out_of_stock".into()));
    assert!(shop.payments(&order).await.is_empty());
    shop.has_available(&mug, 2).await;
}

#[tokio::test]
async fn twenty_buyers_at_once_for_five_pieces() {
    let shop = Shop::open().await;
    let mug = shop.product(5).await;
    let buyers = Person::customers(20).await;
    let orders = join_all(buyers.iter().map(|buyer| buyer.check_out(&mug, 1, "pm_card_visa"))).await;
    let outcomes = join_all(buyers.iter().zip(&orders).map(|(buyer, order)| buyer.outcome(order))).await;

    let (paid, cancelled): (Vec<_>, Vec<_>) = outcomes.iter().partition(|order| order["status"] == "paid");
    assert_eq!((paid.len(), cancelled.len()), (5, 15));
    shop.has_available(&mug, 0).await;
    for order in paid {
        shop.payment_becomes(order, "captured").await;
    }
    for order in cancelled {
        assert_eq!(order["cancel_reason"], "out_of_stock");
        assert!(shop.payments(order).await.is_empty());
    }
}
