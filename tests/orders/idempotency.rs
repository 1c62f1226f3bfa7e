//! Requests that are sent twice with the same idempotency key.

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Answer, Person, Product, Shop};

async fn with_key(person: &Person, path: &str, key: &str, body: &Value) -> Answer {
    person.send(person.request(Method::POST, path).header("idempotency-key", key).json(body)).await
}

async fn orders_of(person: &Person) -> Vec<Value> {
    person.get("/orders?limit=100").await.expect(200)["items"].as_array().unwrap().clone()
}

async fn start() -> (Shop, Product, Person) {
    let shop = Shop::open().await;
    let mug = shop.product(10).await;
    (shop, mug, Person::customer().await)
}

#[tokio::test]
async fn the_same_key_twice_is_one_order_and_the_same_response() {
    let (shop, mug, carol) = start().await;
    for path in ["/orders", "/checkout"] {
        let body = json!({ "items": [{ "product_id": mug.id, "quantity": 1 }] });
        let first = with_key(&carol, path, path, &body).await;
        let second = with_key(&carol, path, path, &body).await;
        assert_eq!(first.headers["location"], second.headers["location"]);
        assert_eq!(first.expect(201), second.expect(201));
    }
    assert_eq!(orders_of(&carol).await.len(), 2);
    shop.has_available(&mug, 9).await;
}

#[tokio::test]
async fn the_same_key_at_the_same_moment_is_one_order() {
    let (shop, mug, carol) = start().await;
    let body = mug.order(1, "pm_card_visa");
    let responses = join_all((0..8).map(|_| with_key(&carol, "/checkout", "double click", &body))).await;
    // A space is not a visible character, so this is not a valid key.
    assert!(responses.into_iter().all(|response| response.status == 422));
    let responses = join_all((0..8).map(|_| with_key(&carol, "/checkout", "double-click", &body))).await;
    let bodies: Vec<Value> = responses.into_iter().map(|response| response.expect(201)).collect();
    assert!(bodies.iter().all(|body| body == &bodies[0]), "{bodies:?}");
    assert_eq!(orders_of(&carol).await.len(), 1);
    shop.has_available(&mug, 9).await;
}

#[tokio::test]
async fn the_same_key_with_another_body_is_refused() {
    let (_, mug, carol) = start().await;
    with_key(&carol, "/checkout", "key", &mug.order(1, "pm_card_visa")).await.expect(201);
    let refused = with_key(&carol, "/checkout", "key", &mug.order(2, "pm_card_visa")).await.expect(422);
    assert_eq!(refused["code"], "idempotency_key_reused");
    assert_eq!(orders_of(&carol).await.len(), 1);
}

#[tokio::test]
async fn a_key_belongs_to_its_user() {
    let (_, mug, carol) = start().await;
    let dave = Person::customer().await;
    let hers = with_key(&carol, "/checkout", "1", &mug.order(1, "pm_card_visa")).await.expect(201);
    let his = with_key(&dave, "/checkout", "1", &mug.order(1, "pm_card_visa")).await.expect(201);
    assert_ne!(hers["id"], his["id"]);
}
