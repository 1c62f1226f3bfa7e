//! Parked orders, whose checkout could be neither completed nor compensated: they are listed and retried.

use serde_json::{Value, json};
use testkit::{Checkout, PausedCheckout, Person, Shop, can_be_captured_now, eventually, is_postponed};

use crate::{
    orders::cancellations::settled,
    orders::order_lifecycle::{path, placed, step},
};

/// Returns the entry of an order in the list of parked orders, from any page.
async fn parked(admin: &Person, order: &Value) -> Option<Value> {
    let mut path = "/orders/parked?limit=2".to_owned();
    loop {
        let page = admin.get(&path).await.expect(200);
        let items = page["items"].as_array().expect("a list");
        if let Some(found) = items.iter().find(|item| item["order_id"] == order["id"]) {
            return Some(found.clone());
        }
        path = format!("/orders/parked?limit=2&cursor={}", page["next_cursor"].as_str()?);
    }
}

async fn retry(admin: &Person, order: &Value) {
    let accepted = admin.post(&path(order, "/retry"), &json!({})).await;
    assert!(accepted.headers["location"].to_str().unwrap().ends_with(order["id"].as_str().unwrap()));
    assert_eq!(accepted.expect(202)["id"], order["id"]);
}

/// Returns an order in checkout that stays as it is.
async fn in_checkout(carol: &Person, mug: &testkit::Product) -> Value {
    let order = carol.check_out(mug, 1, "pm_card_failsFive").await;
    is_postponed(&order).await;
    order
}

/// The order is shipped before the provider refuses to capture its payment.
#[tokio::test]
async fn an_order_that_was_sent_before_its_money_was_refused() {
    let (shop, carol, admin) = (Shop::open().await, Person::customer().await, Person::admin().await);
    let mug = shop.product(2).await;
    let order = in_checkout(&carol, &mug).await;
    let paused = PausedCheckout::before("CapturePayment", &order, "pm_card_captureFail").await;
    for status in ["processing", "shipped"] {
        step(&admin, &order, status).await;
    }
    paused.parks().await;
    let entry = parked(&admin, &order).await.expect("it is parked");
    assert_eq!(entry["status"], "shipped");
    assert!(entry["failure"].as_str().unwrap().starts_with("CaptureRefused: "), "{entry}");

    retry(&admin, &order).await;
    eventually("the order to be parked again", || async {
        match parked(&admin, &order).await {
            Some(again) if again["parked_at"] != entry["parked_at"] => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    can_be_captured_now(&order).await;
    retry(&admin, &order).await;
    shop.payment_becomes(&order, "captured").await;
    assert_eq!(carol.order(&order).await["status"], "shipped");
    shop.has_available(&mug, 1).await;
    assert_eq!(parked(&admin, &order).await, None);
    assert_eq!(admin.post(&path(&order, "/retry"), &json!({})).await.expect(409)["code"], "not_parked");
}

/// A function of the compensation is missing. One of the customers cancels.
#[tokio::test]
async fn orders_that_could_not_be_undone() {
    let (shop, carol, admin) = (Shop::open().await, Person::customer().await, Person::admin().await);
    for (card, missing, cancels) in
        [("pm_card_chargeDeclined", "ReleaseStock", false), ("pm_card_visa", "VoidPayment", true)]
    {
        let mug = shop.product(2).await;
        let order = in_checkout(&carol, &mug).await;
        if cancels {
            carol.delete(&path(&order, "")).await.expect(200);
        }
        Checkout::without(missing, &order, card).await.parks().await;
        let entry = parked(&admin, &order).await.expect("it is parked");
        assert_eq!(entry["status"], if cancels { "cancelled" } else { "pending" }, "{entry}");
        retry(&admin, &order).await;
        let ended = carol.outcome(&order).await;
        let reason = if cancels { "requested" } else { "payment_declined" };
        assert_eq!((&ended["status"], &ended["cancel_reason"]), (&json!("cancelled"), &json!(reason)));
        settled(&shop, &carol, &mug, &order, 2).await;
        assert_eq!(parked(&admin, &order).await, None);
    }
}

#[tokio::test]
async fn only_parked_orders_can_be_retried() {
    let (shop, carol, admin) = (Shop::open().await, Person::customer().await, Person::admin().await);
    let order = placed(&carol, &shop.product(1).await).await;
    assert_eq!(admin.post(&path(&order, "/retry"), &json!({})).await.expect(409)["code"], "not_parked");
    for nobody in ["01930000-0000-7003-8000-0000000000ff", "nonsense"] {
        admin.post(&format!("/orders/{nobody}/retry"), &json!({})).await.expect(404);
    }
    assert_eq!(admin.get("/orders/parked?limit=0").await.wrong_fields(), ["limit"]);
    assert_eq!(admin.get("/orders/parked?cursor=AAAA").await.expect(400)["code"], "invalid_cursor");
}
