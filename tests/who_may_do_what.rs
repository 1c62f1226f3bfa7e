//! Calls every route as everybody, and looks for what is somebody else's.

use std::collections::BTreeSet;

use lambda::policy::{Access, ROUTES};
use reqwest::Method;
use serde_json::json;
use testkit::{Person, Shop};
use uuid::Uuid;

#[tokio::test]
async fn every_route_lets_in_whom_the_policy_names() {
    let (carol, admin) = (Person::customer().await, Person::admin().await);
    let forged = carol.with_token(&format!("{}x", carol.token()));
    let nonsense = carol.with_token("nonsense");
    for route in ROUTES.iter().filter(|route| route.key.contains("/api/v1")) {
        let (method, path) = route.key.split_once(' ').unwrap();
        let path = path.trim_start_matches("/api/v1");
        let path = path
            .replace("{product_id}", &Uuid::new_v4().to_string())
            .replace("{order_id}", &Uuid::new_v4().to_string());
        let path = path.replace("{payment_id}", &Uuid::new_v4().to_string());
        // An empty body is nowhere a valid one: whoever is let in changes nothing.
        let status = async |person: &Person| {
            let request = person.request(method.parse::<Method>().unwrap(), &path).json(&json!({}));
            person.send(request).await.status.as_u16()
        };
        let strangers = [status(&Person::stranger()).await, status(&nonsense).await, status(&forged).await];
        let (customer, admin) = (status(&carol).await, status(&admin).await);
        let refused = |status: u16| status == 401 || status == 403;
        match route.access {
            Access::Anyone => assert!(![strangers[0], customer, admin].into_iter().any(refused), "{}", route.key),
            Access::Customer | Access::Owner => {
                assert_eq!(strangers, [401, 401, 401], "{}", route.key);
                assert!(!refused(customer) && !refused(admin), "{}", route.key);
            }
            Access::Admin => {
                assert_eq!(strangers, [401, 401, 401], "{}", route.key);
                assert_eq!(customer, 403, "{}", route.key);
                assert!(!refused(admin), "{}", route.key);
            }
        }
    }
}

/// What the template has routes for is what the policy knows, and the other way round.
#[test]
fn the_template_and_the_policy_have_the_same_routes() {
    let template = include_str!("../template.yaml");
    let value = |line: &str, name: &str| line.trim().strip_prefix(name).map(|value| value.trim().to_owned());
    let mut routes = BTreeSet::new();
    let mut method = String::new();
    for line in template.lines() {
        if let Some(found) = value(line, "Method:") {
            method = found;
        } else if let Some(path) = value(line, "Path:") {
            routes.insert(if path == "$default" { path } else { format!("{method} {path}") });
        }
    }
    let policy: BTreeSet<String> = ROUTES.iter().map(|route| route.key.to_owned()).collect();
    assert_eq!(routes, policy);
}

#[tokio::test]
async fn somebody_elses_order_is_no_order() {
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
