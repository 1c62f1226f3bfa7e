//! Search while the indexer is killed.

use std::collections::BTreeSet;

use serde_json::json;
use testkit::{Person, eventually, kill_function, kill_running};
use uuid::Uuid;

/// The indexer is killed again and again while products are created: in the end all of them are found.
#[tokio::test]
async fn the_indexer_is_killed_while_products_are_created() {
    let admin = Person::admin().await;
    let shelf = format!("shelf{}", Uuid::new_v4().simple());
    let (mut made, mut killed) = (BTreeSet::new(), 0);
    for index in 0..12 {
        let body = json!({ "name": format!("Cup {index} {shelf}"), "category": "Kitchen", "price": "12.50" });
        let product = admin.post("/products", &body).await.expect(201);
        made.insert(product["id"].to_string());
        killed += kill_function("IndexProducts");
    }
    // The indexer runs now, unless it starts after all products were created.
    if killed == 0 {
        kill_running("IndexProducts").await;
    }
    eventually("all products to be found", || async {
        let page = admin.get(&format!("/products/search?q={shelf}&limit=100")).await.expect(200);
        let found: BTreeSet<String> =
            page["items"].as_array().unwrap().iter().map(|product| product["id"].to_string()).collect();
        if found == made { Ok(()) } else { Err(format!("{} of {}", found.len(), made.len())) }
    })
    .await;
}
