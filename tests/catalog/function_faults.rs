//! Search while the function that indexes products is killed.

use std::collections::BTreeSet;

use serde_json::json;
use testkit::{Person, eventually, kill_function, kill_running};
use uuid::Uuid;

/// The function that indexes products is killed again and again while products are created: in the end all are found.
#[tokio::test]
async fn the_indexer_killed_while_products_come_in() {
    let admin = Person::admin().await;
    let shelf = format!("shelf{}", Uuid::new_v4().simple());
    let (mut made, mut killed) = (BTreeSet::new(), 0);
    for index in 0..12 {
        let body = json!({ "name": format!("Cup {index} {shelf}"), "category": "Kitchen", "price": "12.50" });
        let product = admin.post("/products", &body).await.expect(201);
        made.insert(product["id"].to_string());
        killed += kill_function("IndexProducts");
    }
    // It runs by now, unless it starts later than all products came.
    if killed == 0 {
        kill_running("IndexProducts").await;
    }
    eventually("all of them to be found", || async {
        let page = admin.get(&format!("/products/search?q={shelf}&limit=100")).await.expect(200);
        let found: BTreeSet<String> =
            page["items"].as_array().unwrap().iter().map(|product| product["id"].to_string()).collect();
        if found == made { Ok(()) } else { Err(format!("{} of {}", found.len(), made.len())) }
    })
    .await;
}
