//! Access to each route by each role, and to the data of another customer.

use std::collections::BTreeMap;

use contracts::Role;
use kernel::SessionId;
use lambda::policy::Access;
use serde_json::{Value, json};
use testkit::{PASSWORD, Person, Shop, Stack, forged_token, genuine_token, new_device_token};
use tokens::Claims;
use uuid::Uuid;

/// Returns invalid tokens: without a session, expired, or not signed by us.
async fn invalid_tokens(carol: &Person, admin: &Person) -> Vec<(&'static str, String)> {
    let claims = carol.claims();
    let expired = Claims { iat: claims.iat - 3600, exp: claims.iat - 2700, ..claims.clone() };
    let other_audience = Claims { aud: "another".to_owned(), ..claims.clone() };
    let no_session = Claims { sid: SessionId::new(), ..claims.clone() };
    let promoted = Claims { role: Role::Admin, ..claims.clone() };
    let deleted = Person::customer().await;
    admin.delete(&format!("/users/{}", deleted.id)).await;
    vec![
        ("nonsense", "nonsense".to_owned()),
        ("expired", genuine_token(&expired).await),
        ("for another audience", genuine_token(&other_audience).await),
        ("without a session", genuine_token(&no_session).await),
        ("of a deleted user", deleted.token().to_owned()),
        ("signed with another key", forged_token(&promoted, "ES256").await),
        ("with another algorithm", forged_token(&promoted, "HS256").await),
        ("alg: none", forged_token(&promoted, "none").await),
    ]
}

/// Registers a device and returns its id.
async fn device_of(person: &Person) -> String {
    let body = json!({ "token": new_device_token(), "name": "Phone" });
    let device = person.post("/notifications/devices", &body).await.expect(201);
    device["id"].as_str().expect("an id").to_owned()
}

/// Replaces each remaining parameter of the path by an id that does not exist.
fn with_unknown_ids(mut path: String) -> String {
    while let Some((start, end)) = path.find('{').zip(path.find('}')) {
        path.replace_range(start..=end, &Uuid::now_v7().to_string());
    }
    path
}

/// Calls every route of the stack anonymously, with each kind of invalid token, as another customer, as the owner, and
/// as an administrator.
#[tokio::test]
async fn every_route_admits_the_callers_of_the_policy() {
    let shop = Shop::open().await;
    let mug = shop.product(5).await;
    let (buyer, first_admin) = (Person::customer().await, Person::admin().await);
    let order = buyer.check_out(&mug, 1, "pm_card_visa").await;
    let payment = shop.payment_becomes(&order, "captured").await;
    let invalid_tokens = invalid_tokens(&buyer, &first_admin).await;
    let mut calls = 0;
    let deployed = deployed_routes();
    // Deletions come last, so that the other routes find what they would delete.
    let (deletions, others): (Vec<_>, Vec<_>) = deployed.iter().partition(|(key, _)| key.starts_with("DELETE "));
    for (key, access) in others.into_iter().chain(deletions) {
        // A route may delete an account or end a session, so each has its own people.
        let (dave, admin) = (Person::customer().await, Person::admin().await);
        let carol = if key.contains("{order_id}") || key.contains("{payment_id}") {
            // A new login, because the first access token would expire on a slow machine.
            Person::anonymous().log_in(&buyer.email, PASSWORD).await
        } else {
            Person::customer().await
        };
        let device = if key.contains("{device_id}") { device_of(&carol).await } else { String::new() };
        let (method, path) = key.split_once(' ').unwrap_or(("GET", "/no/such/route"));
        let path = path
            .replace("{user_id}", &carol.id)
            .replace("{product_id}", &mug.id)
            .replace("{order_id}", order["id"].as_str().unwrap())
            .replace("{payment_id}", payment["id"].as_str().unwrap())
            .replace("{device_id}", &device)
            .replace("{context}", "orders")
            .replace("{asset}", "init.js");
        let path = with_unknown_ids(path);
        // An empty body changes nothing on any route.
        let mut status = async |person: &Person| {
            calls += 1;
            let request = person.request_at(method.parse().unwrap(), &path).json(&json!({}));
            request.send().await.expect("a response").status().as_u16()
        };
        let refused = |status: u16| status == 401 || status == 403;
        let anonymous = status(&Person::anonymous()).await;
        let mut with_invalid_tokens = Vec::new();
        for (kind, token) in &invalid_tokens {
            with_invalid_tokens.push((kind, status(&carol.with_token(token)).await));
        }
        let (other, owner) = (status(&dave).await, status(&carol).await);
        let admin = status(&admin).await;
        let statuses = format!("{key}: {anonymous} {with_invalid_tokens:?} {other} {owner} {admin}");
        if *access == Access::Anyone {
            assert!(![anonymous, other, owner, admin].into_iter().any(refused), "{statuses}");
            assert!(with_invalid_tokens.iter().all(|(_, status)| *status == anonymous), "{statuses}");
        } else {
            assert!(anonymous == 401 && with_invalid_tokens.iter().all(|(_, status)| *status == 401), "{statuses}");
            assert!(!refused(admin), "{statuses}");
        }
        match access {
            Access::Anyone => {}
            Access::Customer => assert!(!refused(other) && !refused(owner), "{statuses}"),
            Access::Owner => assert!(other == 404 && !refused(owner) && owner != 404, "{statuses}"),
            Access::Admin => assert!(other == 403 && owner == 403, "{statuses}"),
        }
    }
    eprintln!("{calls} calls of {} routes", deployed.len());
}

/// Returns the documented routes of the deployed contexts, and who may call them. The fallback route of the gateway is
/// not documented.
fn deployed_routes() -> BTreeMap<String, Access> {
    let document: Value = serde_json::from_str(include_str!("../../openapi.json")).expect("JSON");
    let deployed = &Stack::get().contexts;
    let mut routes = BTreeMap::from([("$default".to_owned(), Access::Anyone)]);
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            if deployed.iter().any(|context| operation["tags"][0] == context.as_str()) {
                let access = serde_json::from_value(operation["x-access"].clone()).expect("an access");
                routes.insert(format!("{} {path}", method.to_uppercase()), access);
            }
        }
    }
    routes
}

/// The stack has the routes of the policy, and no others.
#[test]
fn the_stack_and_the_policy_have_the_same_routes() {
    assert_eq!(Stack::get().routes, deployed_routes().into_keys().collect());
}

#[tokio::test]
async fn the_order_of_another_customer_is_not_found() {
    let shop = Shop::open().await;
    let mug = shop.product(5).await;
    let (carol, dave, admin) = (Person::customer().await, Person::customer().await, Person::admin().await);
    let order = carol.check_out(&mug, 1, "pm_card_visa").await;
    let payment = shop.payment_becomes(&order, "captured").await;
    for path in
        [format!("/orders/{}", order["id"].as_str().unwrap()), format!("/payments/{}", payment["id"].as_str().unwrap())]
    {
        carol.get(&path).await.expect(200);
        admin.get(&path).await.expect(200);
        assert_eq!(dave.get(&path).await.expect(404)["code"], "not_found");
    }
    for path in ["/orders/nonsense", "/payments/nonsense", "/products/nonsense"] {
        carol.get(path).await.expect(404);
    }

    let for_carol = json!({ "user_id": carol.id, "product_id": mug.id, "quantity": 1 });
    dave.post("/orders", &for_carol).await.expect(403);
    let placed = admin.post("/orders", &for_carol).await.expect(201);
    assert_eq!(placed["user_id"], carol.id.as_str());
    let for_nobody = json!({ "user_id": Uuid::now_v7(), "product_id": mug.id, "quantity": 1 });
    assert_eq!(admin.post("/orders", &for_nobody).await.wrong_fields(), ["user_id"]);
    for path in [format!("/orders?user_id={}", carol.id), format!("/payments?user_id={}", carol.id)] {
        dave.get(&path).await.expect(403);
    }
}
