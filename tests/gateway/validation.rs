//! Invalid requests: every invalid field is named, and nothing is written.

use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Person, Shop};
use uuid::Uuid;

#[tokio::test]
async fn every_invalid_field_is_named_and_nothing_is_written() {
    let shop = Shop::open().await;
    let mug = shop.product(10).await;
    let carol = Person::customer().await;
    let line = |quantity: Value| json!({ "items": [{ "product_id": mug.id, "quantity": quantity }] });
    let many = |count: usize| json!({ "items": vec![json!({ "product_id": mug.id, "quantity": 1 }); count] });
    let unknown = Uuid::new_v4().to_string();
    let cases = [
        (line(json!(0)), vec!["items[0].quantity"]),
        (line(json!(-1)), vec!["items[0].quantity"]),
        (line(json!(1001)), vec!["items[0].quantity"]),
        (line(json!(1e30)), vec!["items[0].quantity"]),
        (line(json!("1")), vec!["items[0].quantity"]),
        (line(json!(1.5)), vec!["items[0].quantity"]),
        (many(0), vec!["items"]),
        (many(101), vec!["items"]),
        (json!({}), vec!["items"]),
        (json!([]), vec![""]),
        (json!({ "items": {} }), vec!["items"]),
        (json!({ "items": [1] }), vec!["items[0]"]),
        (json!({ "items": [{ "product_id": unknown, "quantity": 1 }] }), vec!["items[0].product_id"]),
        (json!({ "items": [{ "product_id": "mug", "quantity": 1 }] }), vec!["items[0].product_id"]),
        (json!({ "items": [{ "product_id": mug.id, "quantity": 1, "price": "12.49" }] }), vec!["items[0].price"]),
        (json!({ "items": [{ "product_id": mug.id, "quantity": 1, "price": "12.499" }] }), vec!["items[0].price"]),
        (json!({ "product_id": mug.id, "quantity": 2, "total_price": 12.50 }), vec!["total_price"]),
        (json!({ "product_id": mug.id, "quantity": 2, "note": "please", "colour": "red" }), vec!["colour", "note"]),
        (
            json!({ "items": [{ "product_id": unknown, "quantity": 0 }, { "quantity": 1 }], "user_id": 7 }),
            vec!["items[0].quantity", "items[1].product_id", "user_id"],
        ),
    ];
    for path in ["/orders", "/checkout"] {
        for (body, fields) in &cases {
            let named = carol.post(path, body).await.wrong_fields();
            assert_eq!(&named, fields, "{body}");
        }
    }
    for method in [json!("4242 4242"), json!("4242424242424242"), json!(7), json!("")] {
        let body = json!({ "product_id": mug.id, "quantity": 1, "payment_method": method });
        assert_eq!(carol.post("/checkout", &body).await.wrong_fields(), ["payment_method"], "{body}");
    }
    assert_eq!(carol.get("/orders").await.expect(200)["items"], json!([]));
    assert_eq!(shop.stock(&mug).await, (10, 0));
}

#[tokio::test]
async fn an_outdated_price_is_refused_with_both_prices() {
    let shop = Shop::open().await;
    let mug = shop.product(1).await;
    let body = json!({ "items": [{ "product_id": mug.id, "quantity": 1, "price": "9.99" }] });
    let problem = Person::customer().await.post("/checkout", &body).await.expect(422);
    let message = problem["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("9.99") && message.contains("12.50"), "{message}");
}

#[tokio::test]
async fn malformed_json_is_a_400_and_a_large_body_a_413() {
    let carol = Person::customer().await;
    for path in ["/orders", "/checkout"] {
        for text in ["", "{", "{\"items\": [}", "not json", "{\"items\": []}}"] {
            let request = carol.request(Method::POST, path).header("content-type", "application/json").body(text);
            let problem = carol.send(request).await.expect(400);
            assert_eq!(problem["code"], "malformed_json", "{text:?}");
        }
        let large = format!("{{\"note\": \"{}\"}}", "x".repeat(70_000));
        let problem = carol.send(carol.request(Method::POST, path).body(large)).await.expect(413);
        assert_eq!(problem["code"], "body_too_large");
    }
}

#[tokio::test]
async fn a_problem_has_all_members() {
    let carol = Person::customer().await;
    let response = carol.post("/checkout", &json!({})).await;
    assert_eq!(response.headers["content-type"], "application/problem+json");
    let correlation_id = response.headers["x-correlation-id"].to_str().unwrap().to_owned();
    let problem = response.expect(422);
    assert_eq!(problem["correlation_id"], correlation_id.as_str());
    assert_eq!(problem["type"], "urn:waybill:problem:validation_failed");
    assert_eq!(problem["title"], "Unprocessable Content");
    assert_eq!(problem["status"], 422);
}

#[tokio::test]
async fn registration_and_login_validate_their_input() {
    let anonymous = Person::anonymous();
    let carol = Person::customer().await;
    let name = format!("d-{}", &Uuid::new_v4().simple().to_string()[..16]);
    let body = |email: &str, username: &str, password: &str| json!({ "email": email, "username": username, "password": password });

    let invalid = body("not an address", "a b", "short");
    assert_eq!(anonymous.post("/auth/register", &invalid).await.wrong_fields(), ["email", "password", "username"]);
    let mut with_role = body("x@example.com", &name, "a long password");
    with_role["role"] = "admin".into();
    assert_eq!(anonymous.post("/auth/register", &with_role).await.wrong_fields(), ["role"]);

    let same_email = body(&carol.email.to_uppercase(), &name, "a long password");
    assert_eq!(anonymous.post("/auth/register", &same_email).await.expect(409)["code"], "email_taken");
    let carols_name = carol.email.split('@').next().unwrap();
    let same_name = body(&format!("{name}@example.com"), carols_name, "a long password");
    assert_eq!(anonymous.post("/auth/register", &same_name).await.expect(409)["code"], "username_taken");

    let unknown = json!({ "email": format!("{name}@example.com"), "password": "a long password" });
    let wrong = json!({ "email": carol.email, "password": "another password" });
    for login in [unknown, wrong] {
        assert_eq!(anonymous.post("/auth/login", &login).await.expect(401)["code"], "wrong_credentials");
    }
    assert_eq!(anonymous.post("/auth/login", &json!({})).await.wrong_fields(), ["password", "email"]);
    let by_name = json!({ "username": carols_name, "password": "a long password" });
    let session = anonymous.post("/auth/login", &by_name).await.expect(200);
    assert!(!session.to_string().contains("password"), "{session}");
}

#[tokio::test]
async fn stock_changes_are_validated() {
    let shop = Shop::open().await;
    let mug = shop.product(5).await;
    let admin = Person::admin().await;
    let path = format!("/products/{}/inventory", mug.id);
    for (body, fields) in [
        (json!({}), vec!["quantity"]),
        (json!({ "quantity": -1 }), vec!["quantity"]),
        (json!({ "stock": "5" }), vec!["stock"]),
        (json!({ "stock": 5, "adjust": 1 }), vec!["adjust"]),
    ] {
        assert_eq!(
            admin.put(&path, &body).await.wrong_fields().first().map(String::as_str),
            fields.first().copied(),
            "{body}"
        );
    }
    let refused = admin.put(&path, &json!({ "adjust": -6 })).await.expect(409);
    assert_eq!(refused["available"], 5);
    assert_eq!(admin.put(&path, &json!({ "adjust": -2 })).await.expect(200)["available"], 3);
    let nowhere = format!("/products/{}/inventory", Uuid::new_v4());
    admin.put(&nowhere, &json!({ "quantity": 1 })).await.expect(404);
    assert_eq!(shop.stock(&mug).await, (3, 0));
}
