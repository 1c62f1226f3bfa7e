//! A first order, from registration to payment, and the forms in which orders are placed.

use futures::future::join_all;
use serde_json::{Value, json};
use testkit::{Person, Product, Shop};

#[tokio::test]
async fn a_first_order_from_registration_to_payment() {
    let shop = Shop::open().await;
    let mug = shop.product(10).await;
    let carol = Person::customer().await;

    let found = Person::anonymous().get(&format!("/products/{}", mug.id)).await.expect(200);
    assert_eq!((found["name"].as_str(), found["price"].as_str()), (Some(mug.name.as_str()), Some("12.50")));

    let order = carol.check_out(&mug, 2, "pm_card_visa").await;
    assert_eq!(order["total_amount"], "25.00");
    assert_eq!(order["currency"], "USD");
    assert_eq!(order["user_id"], carol.id.as_str());
    assert!(order["processing_duration_ms"].is_u64(), "{order}");

    let paid = carol.outcome(&order).await;
    assert_eq!(paid["status"], "paid", "{paid}");
    let payment = shop.payment_becomes(&order, "captured").await;
    assert_eq!(payment["amount"], "25.00");
    assert_eq!(payment["id"], paid["payment_id"]);
    shop.has_available(&mug, 8).await;
}

#[tokio::test]
async fn an_order_without_checkout_waits_to_be_paid() {
    let shop = Shop::open().await;
    let mug = shop.product(10).await;
    let carol = Person::customer().await;

    let body = json!({ "user_id": carol.id, "product_id": mug.id, "quantity": 2, "total_price": 25.00 });
    let order = carol.post("/orders", &body).await;
    assert!(order.headers["location"].to_str().unwrap().ends_with(order.body["id"].as_str().unwrap()));
    let order = order.expect(201);
    assert_eq!(carol.order(&order).await["status"], "pending");
    assert_eq!(shop.stock(&mug).await, (10, 0));
    assert!(shop.payments(&order).await.is_empty());
}

#[tokio::test]
async fn all_body_forms_create_the_same_order() {
    let shop = Shop::open().await;
    let mug = shop.product(10).await;
    let carol = Person::customer().await;
    let forms = [
        json!({ "items": [{ "product_id": mug.id, "quantity": 2 }] }),
        json!({ "items": [{ "productId": mug.id, "quantity": 2, "price": "12.50" }], "userId": carol.id }),
        json!({ "items": [{ "product_id": mug.id, "quantity": 1 }, { "product_id": mug.id, "quantity": 1 }], "total_price": 25 }),
        json!({ "user_id": carol.id, "product_id": mug.id, "quantity": 2, "total_price": "25.00", "user_email": carol.email }),
    ];
    for route in ["/orders", "/checkout"] {
        for form in &forms {
            let order = carol.post(route, form).await.expect(201);
            assert_eq!(order["total_amount"], "25.00", "{form}");
            assert_eq!(order["items"].as_array().map(Vec::len), Some(1), "{form}");
        }
    }
}

#[tokio::test]
async fn an_order_can_have_a_hundred_products() {
    let shop = Shop::open().await;
    let mut products = Vec::new();
    for _ in 0..10 {
        products.extend(join_all((0..10).map(|_| shop.product(1))).await);
    }
    let carol = Person::customer().await;
    let items: Vec<_> = products.iter().map(|product| json!({ "product_id": product.id, "quantity": 1 })).collect();
    let order = carol.post("/checkout", &json!({ "items": items })).await.expect(201);
    assert_eq!(order["total_amount"], "1250.00");
    assert_eq!(carol.outcome(&order).await["status"], "paid");
    have_available(&shop, &products, 0).await;

    // All but the last product are in stock again: their reservations have to be released.
    for some in products[..99].chunks(10) {
        join_all(some.iter().map(|product| shop.restock(product, 1))).await;
    }
    let again = carol.post("/checkout", &json!({ "items": items })).await.expect(201);
    assert_eq!(carol.outcome(&again).await["cancel_reason"], "out_of_stock");
    have_available(&shop, &products[..99], 1).await;
}

/// Waits for one product after the other, because a hundred requests at once would take all of the machine's time.
async fn have_available(shop: &Shop, products: &[Product], available: i64) {
    for product in products {
        shop.has_available(product, available).await;
    }
}

/// Checks out with a correlation id and a trace of its own, and waits until all `wanted` events have both.
pub async fn events_carry_the_correlation_id(wanted: &[&str]) {
    let shop = Shop::open().await;
    let mug = shop.product(1).await;
    let carol = Person::customer().await;
    let mut recorder = testkit::EventRecorder::start().await;

    let request = carol.request(reqwest::Method::POST, "/checkout").json(&mug.order(1, "pm_card_visa"));
    let id = format!("journey-{}", uuid::Uuid::new_v4().simple());
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let response = carol.send(request.header("x-correlation-id", &id).header("traceparent", traceparent)).await;
    assert_eq!(response.headers["x-correlation-id"], id.as_str());
    assert_eq!(response.headers["traceparent"].to_str().unwrap()[..35], traceparent[..35]);
    let order = response.expect(201);
    shop.payment_becomes(&order, "captured").await;

    let find = |events: &[Value], name: &str| {
        events.iter().find(|event| event["event_type"] == name && event["correlation_id"] == id.as_str()).cloned()
    };
    let events = recorder.record_until(|events| wanted.iter().all(|name| find(events, name).is_some())).await;
    for name in wanted {
        let event = find(&events, name).expect("the event");
        assert_eq!(event["traceparent"].as_str().unwrap()[..35], traceparent[..35], "{event}");
    }
    recorder.stop().await;
}

#[tokio::test]
async fn the_correlation_id_is_in_the_response_and_in_every_event() {
    let wanted = ["OrderPlaced", "CheckoutStarted", "StockReserved", "OrderConfirmed", "PaymentProcessed"];
    events_carry_the_correlation_id(&wanted).await;
}
