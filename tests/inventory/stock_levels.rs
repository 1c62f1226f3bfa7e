//! Stock levels: they are set and adjusted, published when they change, and restored when a reservation expires.

use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Answer, EventRecorder, Person, Product, Shop, eventually, has_overdue_reservation, reserve_only};
use uuid::Uuid;

async fn with_key(person: &Person, method: Method, path: &str, key: &str, body: &Value) -> Answer {
    person.send(person.request(method, path).header("idempotency-key", key).json(body)).await
}

fn paths(mug: &Product) -> (String, String) {
    (format!("/products/{}/inventory", mug.id), format!("/products/{}/stock", mug.id))
}

#[tokio::test]
async fn a_new_product_has_no_stock() {
    let admin = Person::admin().await;
    let body = json!({ "name": format!("Mug {}", Uuid::new_v4().simple()), "category": "Kitchen", "price": 5 });
    let id = admin.post("/products", &body).await.expect(201)["id"].as_str().unwrap().to_owned();
    let stock = eventually("the stock of the new product", || async {
        let answer = admin.get(&format!("/products/{id}/inventory")).await;
        if answer.status == 200 { Ok(answer.body) } else { Err(answer.body.to_string()) }
    })
    .await;
    assert_eq!(stock, json!({ "product_id": id, "available": 0, "reserved": 0, "on_hand": 0 }));
}

#[tokio::test]
async fn stock_is_set_and_adjusted_once_per_key() {
    let (shop, admin) = (Shop::open().await, Person::admin().await);
    let mug = shop.product(10).await;
    let (inventory, stock) = paths(&mug);
    let key = Uuid::new_v4().to_string();
    let less = json!({ "adjust": -7 });
    let first = with_key(&admin, Method::PATCH, &stock, &key, &less).await.expect(200);
    assert_eq!((&first["available"], &first["on_hand"]), (&3.into(), &3.into()));
    // Fewer than seven are left: the repeated request returns the stored response.
    let again = with_key(&admin, Method::PATCH, &stock, &key, &less).await.expect(200);
    assert_eq!(again, first);
    let other = with_key(&admin, Method::PATCH, &stock, &key, &json!({ "adjust": -6 })).await.expect(422);
    assert_eq!(other["code"], "idempotency_key_reused");
    assert_eq!(shop.stock(&mug).await, (3, 0));

    let key = Uuid::new_v4().to_string();
    let set = with_key(&admin, Method::PUT, &inventory, &key, &json!({ "quantity": 20 })).await.expect(200);
    admin.put(&inventory, &json!({ "quantity": 5 })).await.expect(200);
    assert_eq!(with_key(&admin, Method::PUT, &inventory, &key, &json!({ "quantity": 20 })).await.expect(200), set);
    assert_eq!(shop.stock(&mug).await, (5, 0));
}

#[tokio::test]
async fn an_invalid_change_of_stock_is_refused() {
    let (shop, admin) = (Shop::open().await, Person::admin().await);
    let mug = shop.product(4).await;
    let (inventory, stock) = paths(&mug);
    for (body, field) in [
        (json!({ "stock": -1 }), "stock"),
        (json!({ "stock": 1.5 }), "stock"),
        (json!({ "stock": "4" }), "stock"),
        (json!({ "stock": 1_000_000_001 }), "stock"),
        (json!({ "quantity": -1 }), "quantity"),
        (json!({ "adjust": 0.1 }), "adjust"),
        (json!({ "stock": 4, "adjust": 1 }), "adjust"),
        (json!({}), "quantity"),
    ] {
        let changed = with_key(&admin, Method::PATCH, &stock, &Uuid::new_v4().to_string(), &body).await;
        assert_eq!(changed.wrong_fields(), [field], "{body}");
    }
    let below = with_key(&admin, Method::PATCH, &stock, "below-zero", &json!({ "adjust": -5 })).await.expect(409);
    assert_eq!((&below["code"], &below["available"]), (&"too_little_stock".into(), &4.into()));
    let maximum = json!({ "adjust": 999_999_997 });
    let above = with_key(&admin, Method::PATCH, &stock, "above-maximum", &maximum).await.expect(409);
    assert_eq!((&above["code"], &above["on_hand"]), (&"too_much_stock".into(), &4.into()));
    let unknown = format!("/products/{}/inventory", Uuid::new_v4());
    admin.put(&unknown, &json!({ "quantity": 1 })).await.expect(404);
    admin.get(&unknown).await.expect(404);
    assert_eq!(admin.get(&inventory).await.expect(200)["on_hand"], 4);
}

#[tokio::test]
async fn stock_that_changes_and_stock_that_runs_low_are_published() {
    let mut recorder = EventRecorder::start().await;
    let (shop, carol) = (Shop::open().await, Person::customer().await);
    let mug = shop.product(12).await;
    let order = carol.check_out(&mug, 3, "pm_card_visa").await;
    carol.outcome(&order).await;
    shop.has_available(&mug, 9).await;
    let order = carol.check_out(&mug, 9, "pm_card_visa").await;
    carol.outcome(&order).await;
    shop.has_available(&mug, 0).await;

    let of_mug = |event: &&Value| event["subject"] == mug.id.as_str() && event["source"] == "inventory";
    let received = recorder
        .record_until(|received| {
            let last = received.iter().filter(of_mug).filter(|event| event["event_type"] == "StockChanged");
            last.max_by_key(|event| event["sequence"].as_u64()).is_some_and(|event| event["data"]["on_hand"] == 0)
        })
        .await;
    let mut events: Vec<&Value> = received.iter().filter(of_mug).collect();
    events.sort_by_key(|event| event["sequence"].as_u64());
    let levels: Vec<&Value> = events
        .iter()
        .filter(|event| event["data"]["level_changed"] == true)
        .map(|event| &event["data"]["level"])
        .collect();
    assert_eq!(levels, ["in_stock", "low", "sold_out"]);
    let low: Vec<&&Value> = events.iter().filter(|event| event["event_type"] == "StockRanLow").collect();
    let [low] = low[..] else { panic!("{low:?}") };
    assert_eq!((&low["data"]["available"], &low["data"]["threshold"]), (&9.into(), &10.into()));
    let last = events.iter().rfind(|event| event["event_type"] == "StockChanged").unwrap();
    assert_eq!((&last["data"]["available"], &last["data"]["reserved"]), (&0.into(), &0.into()));
    recorder.stop().await;
}

/// The checkout dies after its first step, so that the reserved stock is never paid for.
#[tokio::test]
async fn reserved_stock_that_is_not_paid_for_is_released() {
    order_whose_reservation_expired(&Person::customer().await).await;
}

/// Returns an order that was cancelled because its checkout ended after the reservation, which then expired.
pub async fn order_whose_reservation_expired(carol: &Person) -> Value {
    let shop = Shop::open().await;
    let mug = shop.product(6).await;
    let order = carol.post("/orders", &mug.order_line(4)).await.expect(201);
    reserve_only(&order, &mug, 4).await;
    assert_eq!(shop.stock(&mug).await, (2, 4));
    has_overdue_reservation(&order).await;
    // The sweep runs once a minute.
    let ended = eventually("the order to be cancelled", || async {
        let order = carol.order(&order).await;
        if order["status"] == "cancelled" { Ok(order) } else { Err(order.to_string()) }
    })
    .await;
    assert_eq!(ended["cancel_reason"], "checkout_failed");
    shop.has_available(&mug, 6).await;
    assert!(shop.payments(&ended).await.is_empty());
    ended
}

#[tokio::test]
async fn stock_that_is_reserved_rejected_and_released_is_published() {
    let mut recorder = EventRecorder::start().await;
    let (shop, carol) = (Shop::open().await, Person::customer().await);
    let mug = shop.product(2).await;
    let declined = carol.check_out(&mug, 2, "pm_card_chargeDeclined").await;
    carol.outcome(&declined).await;
    let short = carol.check_out(&mug, 3, "pm_card_visa").await;
    carol.outcome(&short).await;
    let of = |order: &Value, received: &[Value]| {
        let id = order["id"].clone();
        let of_order = received.iter().filter(|event| event["subject"] == id && event["source"] == "inventory");
        let mut events: Vec<(u64, String)> = of_order
            .map(|event| (event["sequence"].as_u64().unwrap(), event["event_type"].as_str().unwrap().to_owned()))
            .collect();
        events.sort_unstable();
        events
    };
    let received =
        recorder.record_until(|received| of(&declined, received).len() >= 2 && !of(&short, received).is_empty()).await;
    assert_eq!(of(&declined, &received), [(1, "StockReserved".to_owned()), (2, "StockReleased".to_owned())]);
    assert_eq!(of(&short, &received), [(1, "StockRejected".to_owned())]);
    recorder.stop().await;
}
