//! Redirects, allowed methods, cross-origin requests, cache headers, and health.

use std::collections::BTreeSet;

use reqwest::{
    Method,
    header::{HeaderMap, LOCATION},
};
use serde_json::{Value, json};
use testkit::{Answer, Person, Shop, Stack};
use uuid::Uuid;

async fn request(person: &Person, method: Method, path: &str) -> Answer {
    person.send(person.request_at(method, path)).await
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

/// Returns the entries of a header with a list.
fn entries(headers: &HeaderMap, name: &str) -> BTreeSet<String> {
    header(headers, name).split(',').map(|entry| entry.trim().to_lowercase()).collect()
}

#[tokio::test]
async fn a_path_without_its_version_is_redirected() {
    let anonymous = Person::anonymous().without_redirects();
    for (path, location) in [
        ("/orders", "/api/v1/orders"),
        ("/api/orders", "/api/v1/orders"),
        ("/orders/", "/api/v1/orders"),
        ("/api/v1/orders/", "/api/v1/orders"),
        ("/auth/login?x=1", "/api/v1/auth/login?x=1"),
        ("/products?category=caf%C3%A9%20noir&limit=2", "/api/v1/products?category=caf%C3%A9%20noir&limit=2"),
        ("/health/orders", "/api/v1/health/orders"),
    ] {
        for method in [Method::GET, Method::POST, Method::DELETE] {
            let response = request(&anonymous, method, path).await;
            assert_eq!(response.headers[LOCATION], location, "{path}");
            assert_eq!(response.expect(308)["location"], location);
        }
    }
}

#[tokio::test]
async fn an_order_to_a_path_without_version_is_placed() {
    let shop = Shop::open().await;
    let mug = shop.product(1).await;
    let carol = Person::customer().await;
    let body = json!({ "product_id": mug.id, "quantity": 1 });
    let order = carol.send(carol.request_at(Method::POST, "/orders").json(&body)).await.expect(201);
    assert_eq!(carol.order(&order).await["id"], order["id"]);
}

#[tokio::test]
async fn a_redirect_never_leaves_this_host() {
    let anonymous = Person::anonymous().without_redirects();
    for path in
        ["//evil.example/orders", "/%5Cevil.example/orders", "/orders//evil.example", "/nowhere", "/api/v1/nowhere/"]
    {
        let response = request(&anonymous, Method::GET, path).await;
        assert!(!response.headers.contains_key(LOCATION), "{path}");
        assert_eq!(response.expect(404)["code"], "not_found", "{path}");
    }
    let odd = request(&anonymous, Method::GET, "/orders/%0D%0Aset-cookie:%20a=b%5C").await;
    assert!(!odd.headers.contains_key("set-cookie"));
    assert_eq!(header(&odd.headers, "location"), "/api/v1/orders/%0D%0Aset-cookie:%20a=b%5C");
}

#[tokio::test]
async fn another_method_gets_the_methods_of_the_path() {
    let carol = Person::customer().await;
    let product = format!("/api/v1/products/{}/inventory", Uuid::new_v4());
    for (method, path, allowed) in [
        (Method::DELETE, "/api/v1/orders", "GET, POST"),
        (Method::GET, "/api/v1/auth/login", "POST"),
        (Method::POST, &product, "GET, PUT"),
        (Method::POST, "/health", "GET"),
    ] {
        let response = request(&carol, method, path).await;
        assert_eq!(header(&response.headers, "allow"), allowed, "{path}");
        assert_eq!(header(&response.headers, "content-type"), "application/problem+json");
        let problem = response.expect(405);
        assert_eq!((&problem["code"], &problem["title"]), (&json!("method_not_allowed"), &json!("Method Not Allowed")));
    }
}

/// Returns the status that follows from a context's parts: `up`, or `degraded` if other tests left dead letters.
fn status_of(context: &Value) -> &'static str {
    let queues = context["queues"].as_array().cloned().unwrap_or_default();
    for queue in &queues {
        assert!(queue["waiting"].is_u64() && queue["in_flight"].is_u64(), "{queue}");
    }
    let dead = queues.iter().any(|queue| queue["dead_letters"].as_u64().unwrap() > 0);
    if dead { "degraded" } else { "up" }
}

#[tokio::test]
async fn the_health_of_the_shop_is_reported() {
    let anonymous = Person::anonymous().without_redirects();
    for path in ["/health", "/api/v1/health"] {
        let health = request(&anonymous, Method::GET, path).await.expect(200);
        let contexts = health["contexts"].as_object().unwrap();
        assert_eq!(contexts.keys().cloned().collect::<BTreeSet<_>>(), Stack::get().contexts);
        for (name, context) in contexts {
            assert_eq!(context["status"], status_of(context), "{name}: {context}");
            let table = if name == "gateway" { Value::Null } else { json!({ "status": "up" }) };
            assert_eq!(context["table"], table, "{name}");
        }
        let consumers = contexts["orders"]["queues"].as_array().unwrap().iter().map(|queue| &queue["name"]);
        assert!(consumers.into_iter().any(|name| name == "StartCheckout"), "{health}");
        let unpublished = health["unpublished"]["count"].as_u64().unwrap();
        let degraded = unpublished > 0 || contexts.values().any(|context| context["status"] == "degraded");
        assert_eq!(health["status"], if degraded { "degraded" } else { "up" });
        assert!(health["checked_at"].is_string());

        let text = health.to_string();
        for secret in ["arn:", "://", "Queue", "DeadLetters", "Table", "000000000000"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}

#[tokio::test]
async fn the_health_of_one_context_is_reported() {
    let anonymous = Person::anonymous();
    for name in &Stack::get().contexts {
        let health = anonymous.get(&format!("/health/{name}")).await.expect(200);
        assert_eq!(health["name"], name.as_str());
        assert_eq!(health["status"], status_of(&health), "{health}");
        assert!(health["checked_at"].is_string() && health["contexts"].is_null());
    }
    for name in ["nowhere", "ORDERS", "unpublished"] {
        let problem = anonymous.get(&format!("/health/{name}")).await.expect(404);
        assert_eq!(problem["code"], "not_found");
    }
}

#[tokio::test]
async fn an_allowed_origin_may_call_and_read_the_headers() {
    let anonymous = Person::anonymous();
    let preflight = async |origin: &str| {
        let request = anonymous.request(Method::OPTIONS, "/checkout").header("origin", origin);
        let request = request.header("access-control-request-method", "POST");
        anonymous.send(request.header("access-control-request-headers", "authorization,idempotency-key")).await
    };
    let allowed = preflight("http://localhost:3000").await;
    assert!(allowed.status.is_success());
    assert_eq!(header(&allowed.headers, "access-control-allow-origin"), "http://localhost:3000");
    assert!(entries(&allowed.headers, "access-control-allow-methods").contains("post"));
    let headers = entries(&allowed.headers, "access-control-allow-headers");
    for name in ["authorization", "content-type", "idempotency-key", "if-match", "if-none-match"] {
        assert!(headers.contains(name), "{name}");
    }
    let other = preflight("http://evil.example").await;
    assert!(!other.headers.contains_key("access-control-allow-origin"));

    let from =
        async |origin: &str| anonymous.send(anonymous.request(Method::GET, "/products").header("origin", origin)).await;
    let response = from("http://localhost:3000").await;
    assert_eq!(header(&response.headers, "access-control-allow-origin"), "http://localhost:3000");
    let exposed = entries(&response.headers, "access-control-expose-headers");
    for name in [
        "age",
        "allow",
        "etag",
        "location",
        "ratelimit",
        "ratelimit-limit",
        "ratelimit-policy",
        "ratelimit-remaining",
        "ratelimit-reset",
        "retry-after",
        "traceparent",
        "www-authenticate",
        "x-cache",
        "x-correlation-id",
    ] {
        assert!(exposed.contains(name), "{name}");
    }
    let response = from("http://evil.example").await;
    assert!(!response.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn every_response_has_cache_control() {
    let shop = Shop::open().await;
    let mug = shop.product(1).await;
    let carol = Person::customer().await.without_redirects();
    let anonymous = Person::anonymous();
    let body = json!({ "product_id": mug.id, "quantity": 1 });
    let responses = [
        (200, carol.get("/orders").await),
        (200, anonymous.get("/health").await),
        (201, carol.post("/orders", &body).await),
        (308, request(&carol, Method::GET, "/orders").await),
        (401, anonymous.with_token("nonsense").get("/orders").await),
        (403, carol.post("/products", &json!({})).await),
        (404, carol.get("/orders/nonsense").await),
        (404, request(&carol, Method::GET, "/nowhere").await),
        (405, request(&carol, Method::DELETE, "/api/v1/orders").await),
        (422, carol.post("/orders", &json!({})).await),
    ];
    for (status, response) in responses {
        assert_eq!(header(&response.headers, "cache-control"), "no-store", "{status}: {}", response.body);
        response.expect(status);
    }
    let public = anonymous.get("/products").await;
    assert!(!header(&public.headers, "cache-control").is_empty());
}

#[tokio::test]
async fn an_invalid_token_gets_a_challenge() {
    let carol = Person::customer().await;
    for token in ["nonsense", &format!("{}x", carol.token())] {
        let response = carol.with_token(token).get("/orders").await;
        let challenge = header(&response.headers, "www-authenticate").to_owned();
        assert!(challenge.starts_with("Bearer"), "{challenge:?}");
        response.expect(401);
    }
}
