//! Products are changed and archived, also by several administrators at once.

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Answer, Person, Shop, eventually};
use uuid::Uuid;

async fn conditional(person: &Person, method: Method, path: &str, header: (&str, &str), body: &Value) -> Answer {
    person.send(person.request(method, path).header(header.0, header.1).json(body)).await
}

#[tokio::test]
async fn a_changed_product_is_listed_under_its_new_values() {
    let (shop, admin) = (Shop::open().await, Person::admin().await);
    let mug = shop.unstocked_product().await;
    let path = format!("/products/{}", mug.id);
    let category = format!("Garden {}", &Uuid::new_v4().simple().to_string()[..8]);
    let name = format!("Watering can {}", &mug.id[24..]);
    let changes = json!({ "name": name, "category": category, "description": "Of zinc.", "price": 15 });
    let changed = admin.put(&path, &changes).await.expect(200);
    assert_eq!((&changed["name"], &changed["price"]), (&json!(name), &json!("15.00")));
    let anonymous = Person::anonymous();
    assert_eq!(anonymous.get(&path).await.expect(200), changed);
    let listed = anonymous.get(&format!("/products?category={category}")).await.expect(200);
    assert_eq!(listed["items"], json!([changed]));
    let mut kitchen = "/products?category=kitchen&limit=100".to_owned();
    loop {
        let page = anonymous.get(&kitchen).await.expect(200);
        assert!(page["items"].as_array().unwrap().iter().all(|product| product["id"] != mug.id.as_str()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        kitchen = format!("/products?category=kitchen&limit=100&cursor={cursor}");
    }
}

#[tokio::test]
async fn a_new_price_applies_to_new_orders_only() {
    let (shop, admin, carol) = (Shop::open().await, Person::admin().await, Person::customer().await);
    let mug = shop.product(5).await;
    let before = carol.check_out(&mug, 1, "pm_card_visa").await;
    admin.put(&format!("/products/{}", mug.id), &json!({ "price": "20.00" })).await.expect(200);
    let after = eventually("an order at the new price", || async {
        let order = carol.post("/orders", &mug.order_line(1)).await.expect(201);
        if order["total_amount"] == "20.00" { Ok(order) } else { Err(order.to_string()) }
    })
    .await;
    assert_eq!(carol.order(&before).await["total_amount"], "12.50");
    assert_eq!(carol.order(&after).await["total_amount"], "20.00");
}

#[tokio::test]
async fn an_archived_product_is_not_found_and_its_orders_continue() {
    let (shop, admin, carol) = (Shop::open().await, Person::admin().await, Person::customer().await);
    let mug = shop.product(5).await;
    let order = carol.check_out(&mug, 1, "pm_card_visa").await;
    let path = format!("/products/{}", mug.id);
    assert_eq!(admin.delete(&path).await.status, 204);
    for answer in [admin.get(&path).await, admin.delete(&path).await, admin.put(&path, &json!({ "price": 1 })).await] {
        assert_eq!(answer.expect(404)["code"], "not_found");
    }
    assert_eq!(carol.outcome(&order).await["status"], "paid");
    eventually("orders of the archived product to be refused", || async {
        let answer = carol.post("/orders", &mug.order_line(1)).await;
        if answer.status == 422 { Ok(()) } else { Err(answer.body.to_string()) }
    })
    .await;
}

#[tokio::test]
async fn etags_allow_not_modified_and_refuse_stale_changes() {
    let (shop, admin) = (Shop::open().await, Person::admin().await);
    let mug = shop.unstocked_product().await;
    let path = format!("/products/{}", mug.id);
    let etag = admin.get(&path).await.headers["etag"].to_str().unwrap().to_owned();
    let same = conditional(&admin, Method::GET, &path, ("if-none-match", &etag), &json!({})).await;
    assert_eq!((same.status.as_u16(), same.headers["etag"].to_str().unwrap()), (304, etag.as_str()));

    let price = json!({ "price": "13.00" });
    let changed = conditional(&admin, Method::PUT, &path, ("if-match", &etag), &price).await;
    let newer = changed.headers["etag"].to_str().unwrap().to_owned();
    changed.expect(200);
    assert_ne!(newer, etag);
    conditional(&admin, Method::GET, &path, ("if-none-match", &etag), &json!({})).await.expect(200);
    for method in [Method::PUT, Method::DELETE] {
        let stale = conditional(&admin, method, &path, ("if-match", &etag), &json!({ "price": "99.00" })).await;
        assert_eq!(stale.expect(412)["code"], "stale");
    }
    assert_eq!(admin.get(&path).await.expect(200)["price"], "13.00");

    // Of several requests that change the same state, exactly one succeeds.
    let prices: Vec<Value> = (20..28).map(|price| json!({ "price": price })).collect();
    let answers =
        join_all(prices.iter().map(|price| conditional(&admin, Method::PUT, &path, ("if-match", &newer), price))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert!(answers.iter().all(|answer| answer.status == 200 || answer.status == 412));
}

/// Invalid prices.
const WRONG_PRICES: [&str; 6] = ["\"1.999\"", "-1", "0", "\"10000000.01\"", "10000001", "\"a lot\""];

#[tokio::test]
async fn an_invalid_new_product_is_refused() {
    let admin = Person::admin().await;
    let category = format!("Nowhere {}", &Uuid::new_v4().simple().to_string()[..8]);
    let good = json!({ "name": "Mug", "category": category, "price": "12.50" });
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body
    };
    let prices = WRONG_PRICES.map(|price| (with("price", serde_json::from_str(price).unwrap()), vec!["price"]));
    let others = [
        (with("currency", json!("XXX")), vec!["currency"]),
        (with("currency", json!("usd")), vec!["currency"]),
        (with("name", json!("")), vec!["name"]),
        (with("name", json!("x".repeat(201))), vec!["name"]),
        (with("category", json!("x".repeat(61))), vec!["category"]),
        (with("availability", json!("in_stock")), vec!["availability"]),
        (json!({}), vec!["name", "category", "price"]),
        (json!({ "name": 1, "price": "1.999", "currency": 7 }), vec!["currency", "name", "price", "category"]),
    ];
    for (body, fields) in prices.into_iter().chain(others) {
        assert_eq!(admin.post("/products", &body).await.wrong_fields(), fields, "{body}");
    }
    assert_eq!(admin.get(&format!("/products?category={category}")).await.expect(200)["items"], json!([]));
    for price in ["0.01", "10000000"] {
        let made = admin.post("/products", &with("price", json!(price))).await.expect(201);
        assert_eq!(admin.delete(&format!("/products/{}", made["id"].as_str().unwrap())).await.status, 204);
    }
}

#[tokio::test]
async fn an_unknown_product_is_not_found() {
    let admin = Person::admin().await;
    let path = format!("/products/{}", Uuid::now_v7());
    for answer in [admin.get(&path).await, admin.delete(&path).await, admin.put(&path, &json!({ "price": 1 })).await] {
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert_eq!(answer.expect(404)["code"], "not_found");
    }
}

#[tokio::test]
async fn the_counters_are_exact() {
    let (shop, admin) = (Shop::open().await, Person::admin().await);
    let stats = async || {
        let stats = admin.get("/products/stats").await.expect(200);
        let number = |name: &str| stats[name].as_u64().unwrap();
        // Other tests create and archive products meanwhile, and the equation holds at any time.
        assert_eq!(number("for_sale"), number("created") - number("archived"));
        (number("created"), number("archived"), number("version"))
    };
    let before = stats().await;
    let mug = shop.product(1).await;
    let path = format!("/products/{}", mug.id);
    let with_mug = stats().await;
    assert!(with_mug.0 > before.0 && with_mug.2 > before.2, "{before:?} {with_mug:?}");
    admin.put(&path, &json!({ "price": 13 })).await.expect(200);
    let changed = stats().await;
    assert!(changed.2 > with_mug.2, "{with_mug:?} {changed:?}");
    assert_eq!(admin.delete(&path).await.status, 204);
    let without = stats().await;
    assert!(without.1 > before.1 && without.2 > changed.2, "{changed:?} {without:?}");
}

#[tokio::test]
async fn an_invalid_change_is_refused() {
    let (shop, admin) = (Shop::open().await, Person::admin().await);
    let mug = shop.unstocked_product().await;
    let path = format!("/products/{}", mug.id);
    for price in WRONG_PRICES {
        let body = json!({ "price": serde_json::from_str::<Value>(price).unwrap() });
        assert_eq!(admin.put(&path, &body).await.wrong_fields(), ["price"], "{body}");
    }
    for (body, field) in [
        (json!({ "currency": "EUR" }), "price"),
        (json!({ "price": 1, "currency": "XXX" }), "currency"),
        (json!({ "name": "" }), "name"),
        (json!({ "category": "" }), "category"),
        (json!({ "stock": 7 }), "stock"),
    ] {
        assert_eq!(admin.put(&path, &body).await.wrong_fields(), [field], "{body}");
    }
    let unchanged = admin.get(&path).await;
    assert_eq!(unchanged.headers["etag"], "\"1\"");
    assert_eq!(unchanged.expect(200)["price"], "12.50");
}
