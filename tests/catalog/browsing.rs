//! Lists of products and orders, page by page.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use testkit::{Person, Shop, eventually};
use uuid::Uuid;

/// Returns all entries of a list, which is read page by page.
async fn all_pages(person: &Person, path: &str, limit: usize) -> Vec<Value> {
    let mut entries = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = person.get(&format!("{path}limit={limit}{cursor}")).await.expect(200);
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= limit);
        entries.extend(items.clone());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return entries,
        }
    }
}

fn ids(entries: &[Value]) -> Vec<&str> {
    entries.iter().map(|entry| entry["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn products_by_category_page_by_page() {
    let admin = Person::admin().await;
    let category = format!("Shelf {}", &Uuid::new_v4().simple().to_string()[..8]);
    let mut made = BTreeSet::new();
    for index in 0..7 {
        let body = json!({ "name": format!("Cup {index}"), "category": category, "price": 1.5, "currency": "EUR" });
        let product = admin.post("/products", &body).await.expect(201);
        made.insert(product["id"].as_str().unwrap().to_owned());
    }
    let anonymous = Person::anonymous();
    let path = format!("/products?category={}&", category.to_uppercase().replace(' ', "%20"));
    let found = all_pages(&anonymous, &path, 3).await;
    assert_eq!(
        found.iter().map(|product| product["name"].as_str().unwrap()).collect::<Vec<_>>(),
        ["Cup 0", "Cup 1", "Cup 2", "Cup 3", "Cup 4", "Cup 5", "Cup 6"]
    );
    assert_eq!(found[0]["price"], "1.50");
    assert_eq!(ids(&found).into_iter().map(str::to_owned).collect::<BTreeSet<_>>(), made);
    assert!(ids(&all_pages(&anonymous, "/products?", 100).await).contains(&ids(&found)[0]));
    assert_eq!(anonymous.get("/products?category=no-such").await.expect(200)["items"], json!([]));
}

#[tokio::test]
async fn products_by_name_by_price_and_by_age() {
    let admin = Person::admin().await;
    let category = format!("rack-{}", &Uuid::new_v4().simple().to_string()[..8]);
    let made = [("b", "20.00"), ("A", "100.00"), ("d", "3.50"), ("C", "20.00"), ("e", "10000000.00")];
    for (name, price) in made {
        admin.post("/products", &json!({ "name": name, "category": category, "price": price })).await.expect(201);
    }
    let anonymous = Person::anonymous();
    let sorted = async |sort: &str| {
        let found = all_pages(&anonymous, &format!("/products?category={category}{sort}&"), 2).await;
        let names = found.iter().map(|product| product["name"].as_str().unwrap());
        names.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(sorted("").await, "A b C d e");
    assert_eq!(sorted("&sort=name").await, "A b C d e");
    assert_eq!(sorted("&sort=price").await, "d b C A e");
    assert_eq!(sorted("&sort=-price").await, "e A C b d");
    assert_eq!(sorted("&sort=newest").await, "e C d A b");
    for sort in ["cheapest", "Name", "-name", "name,price", ""] {
        assert_eq!(anonymous.get(&format!("/products?sort={sort}")).await.wrong_fields(), ["sort"], "{sort:?}");
    }

    // A cursor belongs to its list.
    let first = format!("/products?category={category}&sort=price&limit=2");
    let page = anonymous.get(&first).await.expect(200);
    let cursor = page["next_cursor"].as_str().unwrap();
    anonymous.get(&format!("{first}&cursor={cursor}")).await.expect(200);
    for other in [
        format!("/products?category={category}&sort=-price"),
        format!("/products?category={category}&sort=name"),
        format!("/products?category={category}"),
        "/products?category=kitchen&sort=price".to_owned(),
        "/products?sort=price".to_owned(),
    ] {
        let problem = anonymous.get(&format!("{other}&limit=2&cursor={cursor}")).await.expect(400);
        assert_eq!(problem["code"], "invalid_cursor", "{other}");
    }
}

#[tokio::test]
async fn own_orders_come_newest_first_and_admins_see_all_orders() {
    let shop = Shop::open().await;
    let mug = shop.product(10).await;
    let (carol, admin) = (Person::customer().await, Person::admin().await);
    let mut placed = Vec::new();
    for _ in 0..5 {
        let order = carol.post("/orders", &json!({ "product_id": mug.id, "quantity": 1 })).await.expect(201);
        placed.insert(0, order["id"].as_str().unwrap().to_owned());
    }
    // The customer's own list is up to date at once.
    assert_eq!(ids(&all_pages(&carol, "/orders?", 2).await), placed);
    assert_eq!(ids(&all_pages(&admin, &format!("/orders?user_id={}&", carol.id), 2).await), placed);

    eventually("the orders in the list of all orders", || async {
        let pending = all_pages(&admin, "/orders?status=pending&", 100).await;
        assert!(pending.iter().all(|order| order["status"] == "pending"));
        let all = ids(&pending);
        if placed.iter().all(|id| all.contains(&id.as_str())) { Ok(()) } else { Err(format!("{} orders", all.len())) }
    })
    .await;
    let all = all_pages(&admin, "/orders?", 100).await;
    assert!(ids(&all).windows(2).all(|pair| pair[0] > pair[1]), "newest first, each once");
}

#[tokio::test]
async fn a_forged_cursor_and_an_invalid_limit_are_refused() {
    let carol = Person::customer().await;
    for path in ["/orders", "/products", "/payments"] {
        let problem = carol.get(&format!("{path}?cursor=Zm9yZ2Vk")).await.expect(400);
        assert_eq!(problem["code"], "invalid_cursor");
        for limit in ["0", "101", "-1", "many"] {
            assert_eq!(carol.get(&format!("{path}?limit={limit}")).await.wrong_fields(), ["limit"]);
        }
    }
    assert_eq!(carol.get("/orders?status=lost").await.wrong_fields(), ["status"]);
}
