//! Runs the catalog: changes products, takes them out, and meets others who do.

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Answer, PATIENCE, Person, Shop, eventually};
use uuid::Uuid;

async fn conditional(person: &Person, method: Method, path: &str, header: (&str, &str), body: &Value) -> Answer {
    person.send(person.request(method, path).header(header.0, header.1).json(body)).await
}

#[tokio::test]
async fn a_changed_product_is_listed_where_it_belongs_now() {
    let (shop, admin) = (Shop::open().await, Person::admin().await);
    let mug = shop.product(5).await;
    let path = format!("/products/{}", mug.id);
    let category = format!("Garden {}", &Uuid::new_v4().simple().to_string()[..8]);
    let name = format!("Watering can {}", &mug.id[24..]);
    let changes = json!({ "name": name, "category": category, "description": "Of zinc.", "price": 15 });
    let changed = admin.put(&path, &changes).await.expect(200);
    assert_eq!((&changed["name"], &changed["price"]), (&json!(name), &json!("15.00")));
    let stranger = Person::stranger();
    assert_eq!(stranger.get(&path).await.expect(200), changed);
    let listed = stranger.get(&format!("/products?category={category}")).await.expect(200);
    assert_eq!(listed["items"], json!([changed]));
    let mut kitchen = "/products?category=kitchen&limit=100".to_owned();
    loop {
        let page = stranger.get(&kitchen).await.expect(200);
        assert!(page["items"].as_array().unwrap().iter().all(|product| product["id"] != mug.id.as_str()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        kitchen = format!("/products?category=kitchen&limit=100&cursor={cursor}");
    }
}

#[tokio::test]
async fn a_new_price_counts_for_new_orders_alone() {
    let (shop, admin, carol) = (Shop::open().await, Person::admin().await, Person::customer().await);
    let mug = shop.product(5).await;
    let before = carol.check_out(&mug, 1, "pm_card_visa").await;
    admin.put(&format!("/products/{}", mug.id), &json!({ "price": "20.00" })).await.expect(200);
    let after = eventually("an order at the new price", PATIENCE, || async {
        let order = carol.post("/orders", &mug.order_line(1)).await.expect(201);
        if order["total_amount"] == "20.00" { Ok(order) } else { Err(order.to_string()) }
    })
    .await;
    assert_eq!(carol.order(&before).await["total_amount"], "12.50");
    assert_eq!(carol.order(&after).await["total_amount"], "20.00");
}

#[tokio::test]
async fn an_archived_product_is_gone_and_its_orders_go_on() {
    let (shop, admin, carol) = (Shop::open().await, Person::admin().await, Person::customer().await);
    let mug = shop.product(5).await;
    let order = carol.check_out(&mug, 1, "pm_card_visa").await;
    let path = format!("/products/{}", mug.id);
    assert_eq!(admin.delete(&path).await.status, 204);
    for answer in [admin.get(&path).await, admin.delete(&path).await, admin.put(&path, &json!({ "price": 1 })).await] {
        assert_eq!(answer.expect(404)["code"], "not_found");
    }
    assert_eq!(carol.outcome(&order).await["status"], "paid");
    eventually("orders to hear that it is not sold", PATIENCE, || async {
        let answer = carol.post("/orders", &mug.order_line(1)).await;
        if answer.status == 422 { Ok(()) } else { Err(answer.body.to_string()) }
    })
    .await;
}

#[tokio::test]
async fn who_has_it_is_told_so_and_who_has_an_old_one_changes_nothing() {
    let (shop, admin) = (Shop::open().await, Person::admin().await);
    let mug = shop.product(1).await;
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

    // Of many who change the same state, one does.
    let prices: Vec<Value> = (20..28).map(|price| json!({ "price": price })).collect();
    let answers =
        join_all(prices.iter().map(|price| conditional(&admin, Method::PUT, &path, ("if-match", &newer), price))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert!(answers.iter().all(|answer| answer.status == 200 || answer.status == 412));
}

#[tokio::test]
async fn what_is_wrong_with_a_change_is_named() {
    let (shop, admin) = (Shop::open().await, Person::admin().await);
    let mug = shop.product(1).await;
    let path = format!("/products/{}", mug.id);
    for (body, field) in [
        (json!({ "price": "1.999" }), "price"),
        (json!({ "price": -1 }), "price"),
        (json!({ "price": 0 }), "price"),
        (json!({ "price": "10000000.01" }), "price"),
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
