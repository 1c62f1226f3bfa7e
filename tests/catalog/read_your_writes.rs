//! Reads of products while they change: every read shows all writes that were acknowledged before it, whether it comes
//! from a cache or not.

use std::{cell::Cell, collections::HashMap};

use futures::future::{join, join_all};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Person, drained, eventually, publish};
use uuid::Uuid;

const READERS: usize = 10;
const SORTS: [&str; 4] = ["name", "price", "-price", "newest"];

fn some_category() -> String {
    format!("shelf-{}", &Uuid::new_v4().simple().to_string()[..12])
}

/// A product that is changed step by step. Its description is the number of the last step.
struct Round {
    id: String,
    /// The category of the product after each step; none once it is archived.
    categories_by_step: Vec<Option<String>>,
    /// The last step that was sent, and the last one that was acknowledged.
    sent: Cell<usize>,
    acknowledged: Cell<usize>,
}

impl Round {
    /// Checks the steps that a read has `seen` of the product in the list of category `of` (none: all products).
    ///
    /// `before` is the last step that was acknowledged when the read began. A read during a write may see the product
    /// in its old category, its new one, both or none; but what it sees must not be older than `before`.
    fn check(&self, what: &str, of: Option<&str>, before: usize, seen: &[usize]) {
        assert!(seen.iter().all(|step| *step >= before), "{what}: a read after step {before} shows {seen:?}");
        if self.sent.get() == before {
            let belongs =
                self.categories_by_step[before].as_deref().is_some_and(|category| of.is_none_or(|of| of == category));
            let expected: &[usize] = if belongs { &[before] } else { &[] };
            assert_eq!(seen, expected, "{what}: a read after step {before}, during which nothing was written");
        }
    }

    /// Returns the steps at which the product appears in `products`.
    fn steps(&self, products: &Value) -> Vec<usize> {
        let all = products.as_array().unwrap().iter();
        let own = all.filter(|product| product["id"] == self.id.as_str());
        own.map(|product| product["description"].as_str().unwrap().parse().unwrap()).collect()
    }
}

/// A client that reads all the time. One with a `memory` sends `If-None-Match` for what it has read before.
struct Reader {
    person: Person,
    memory: Option<HashMap<String, (String, Value)>>,
    hits: usize,
    unchanged: usize,
}

impl Reader {
    fn new(number: usize) -> Self {
        let memory = (number % 2 == 1).then(HashMap::new);
        Self { person: Person::anonymous(), memory, hits: 0, unchanged: 0 }
    }

    /// Returns the body at `path`, or nothing for a 404.
    async fn read(&mut self, path: &str) -> Option<Value> {
        let mut request = self.person.request(Method::GET, path);
        let known = self.memory.as_ref().and_then(|memory| memory.get(path));
        if let Some((etag, _)) = known {
            request = request.header("if-none-match", etag);
        }
        let answer = self.person.send(request).await;
        match answer.status.as_u16() {
            304 => {
                self.unchanged += 1;
                return known.map(|(_, body)| body.clone());
            }
            404 => return None,
            status => assert_eq!(status, 200, "{}", answer.body),
        }
        self.hits += usize::from(answer.headers["x-cache"] == "hit");
        if let Some(memory) = &mut self.memory {
            let etag = answer.headers["etag"].to_str().unwrap().to_owned();
            memory.insert(path.to_owned(), (etag, answer.body.clone()));
        }
        Some(answer.body)
    }

    /// Reads the product itself.
    async fn read_product(&mut self, round: &Round) {
        let before = round.acknowledged.get();
        let found = self.read(&format!("/products/{}", round.id)).await;
        let seen = found.map(|product| round.steps(&json!([product]))).unwrap_or_default();
        round.check("the product", None, before, &seen);
    }

    /// Reads the list of a category, or the list of all products up to the product.
    async fn read_list(&mut self, round: &Round, category: Option<&str>, sort: &str) {
        let filter = category.map(|category| format!("&category={category}")).unwrap_or_default();
        let path = format!("/products?limit=100&sort={sort}{filter}");
        let before = round.acknowledged.get();
        let mut page = self.read(&path).await.unwrap();
        let mut seen = round.steps(&page["items"]);
        while let (true, Some(cursor)) = (seen.is_empty(), page["next_cursor"].as_str()) {
            page = self.read(&format!("{path}&cursor={cursor}")).await.unwrap();
            seen = round.steps(&page["items"]);
        }
        round.check(&path, category, before, &seen);
    }
}

/// Creates a product, changes it step by step and archives it, while many clients read it and the lists. Returns how
/// many responses came from a cache, and how many were 304.
async fn read_while_it_changes(changes: &[Value], categories: &[String; 2]) -> (usize, usize) {
    let admin = Person::admin().await;
    let mut body = json!({ "name": "! first of all", "category": categories[0], "price": "0.01", "description": "0" });
    let id = admin.post("/products", &body).await.expect(201)["id"].as_str().unwrap().to_owned();
    let mut categories_by_step = vec![Some(categories[0].clone())];
    let mut steps = Vec::new();
    for (index, change) in changes.iter().enumerate() {
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        body["description"] = json!((index + 1).to_string());
        steps.push(Some(body.clone()));
        categories_by_step.push(body["category"].as_str().map(str::to_owned));
    }
    steps.push(None);
    categories_by_step.push(None);
    let round = Round { id, categories_by_step, sent: Cell::new(0), acknowledged: Cell::new(0) };
    let path = format!("/products/{}", round.id);
    let reads: Vec<Cell<usize>> = (0..READERS).map(|_| Cell::new(0)).collect();
    let done = Cell::new(false);

    let all_have_read_twice = async || {
        let until: Vec<usize> = reads.iter().map(|count| count.get() + 2).collect();
        eventually("all clients to read twice", || async {
            let all = reads.iter().zip(&until).all(|(count, until)| count.get() >= *until);
            if all { Ok(()) } else { Err(format!("{reads:?} of {until:?}")) }
        })
        .await;
    };
    let writer = async {
        for (index, step) in steps.iter().enumerate() {
            // Before every third write, all responses can be cached; the other writes follow each other at once.
            if index % 3 == 0 || step.is_none() {
                all_have_read_twice().await;
            }
            round.sent.set(index + 1);
            match step {
                Some(body) => drop(admin.put(&path, body).await.expect(200)),
                None => assert_eq!(admin.delete(&path).await.status, 204),
            }
            round.acknowledged.set(index + 1);
        }
        all_have_read_twice().await;
        done.set(true);
    };
    let readers = reads.iter().enumerate().map(|(number, count)| {
        let (round, done) = (&round, &done);
        async move {
            let mut reader = Reader::new(number);
            while !done.get() {
                let turn = number + count.get();
                let sort = SORTS[turn % SORTS.len()];
                match number {
                    0..4 => reader.read_product(round).await,
                    4..9 => reader.read_list(round, Some(&categories[turn / SORTS.len() % 2]), sort).await,
                    _ => reader.read_list(round, None, ["name", "price"][turn % 2]).await,
                }
                count.set(count.get() + 1);
            }
            (reader.hits, reader.unchanged)
        }
    });
    let (_, counts) = join(writer, join_all(readers)).await;
    counts.into_iter().fold((0, 0), |(hits, unchanged), of| (hits + of.0, unchanged + of.1))
}

#[tokio::test]
async fn an_acknowledged_price_is_never_followed_by_an_older_one() {
    let prices: Vec<Value> = (2..42).map(|cents| json!({ "price": format!("0.{:02}", cents * 7 % 41 + 1) })).collect();
    let (hits, unchanged) = read_while_it_changes(&prices, &[some_category(), some_category()]).await;
    assert!(
        hits > 0 && unchanged > 0,
        "{hits} cached responses and {unchanged} 304 responses: the caches were not tested"
    );
}

#[tokio::test]
async fn all_readers_see_a_product_appear_move_and_disappear_at_once() {
    let categories = [some_category(), some_category()];
    for round in 0..4 {
        let changes = [
            json!({ "name": format!("! renamed {round}") }),
            json!({ "category": categories[1] }),
            json!({ "name": "! renamed again", "category": categories[0] }),
            json!({ "category": categories[1], "price": "0.02" }),
        ];
        read_while_it_changes(&changes, &categories).await;
    }
}

#[tokio::test]
async fn a_repeated_read_comes_from_a_cache_and_has_an_age() {
    let (admin, anonymous, category) = (Person::admin().await, Person::anonymous(), some_category());
    let body = json!({ "name": "Cup", "category": category, "price": 1 });
    let id = admin.post("/products", &body).await.expect(201)["id"].as_str().unwrap().to_owned();
    for (path, max_age) in [(format!("/products/{id}"), 300), (format!("/products?category={category}"), 60)] {
        // Other tests write to the catalog all the time, and each environment has a cache of its own.
        let hit = eventually("a cached response", || async {
            let answer = anonymous.get(&path).await;
            let header = |name: &str| answer.headers[name].to_str().unwrap().to_owned();
            assert_eq!(header("cache-control"), "public, max-age=0, must-revalidate");
            let age: u64 = header("age").parse().unwrap();
            match header("x-cache").as_str() {
                "hit" => Ok((age, answer.expect(200))),
                miss => {
                    assert_eq!((miss, age), ("miss", 0));
                    Err("no response came from a cache".to_owned())
                }
            }
        })
        .await;
        assert!(hit.0 < max_age, "{}", hit.0);
        let product = if hit.1["items"].is_array() { &hit.1["items"][0] } else { &hit.1 };
        assert_eq!(product["id"], id.as_str());
    }
}

#[tokio::test]
async fn a_list_is_not_modified_until_the_catalog_changes() {
    let (admin, anonymous, category) = (Person::admin().await, Person::anonymous(), some_category());
    let body = json!({ "name": "Cup", "category": category, "price": 1 });
    admin.post("/products", &body).await.expect(201);
    let path = format!("/products?category={category}");
    let ask = async |etag: &str| {
        let request = anonymous.request(Method::GET, &path).header("if-none-match", etag);
        anonymous.send(request).await
    };
    let etag = eventually("a 304 response", || async {
        let etag = anonymous.get(&path).await.headers["etag"].to_str().unwrap().to_owned();
        let answer = ask(&format!("\"0\", W/{etag}")).await;
        if answer.status != 304 {
            return Err(answer.status.to_string());
        }
        assert_eq!(answer.headers["etag"], etag.as_str());
        assert_eq!(answer.headers["cache-control"], "public, max-age=0, must-revalidate");
        Ok(etag)
    })
    .await;
    admin.post("/products", &json!({ "name": "Saucer", "category": category, "price": 1 })).await.expect(201);
    let changed = ask(&etag).await;
    assert_ne!(changed.headers["etag"], etag.as_str());
    assert_eq!(changed.expect(200)["items"].as_array().map(Vec::len), Some(2));
}

/// Returns a `StockChanged` event of a product.
fn stock_changed(product_id: &str, sequence: u64, level: &str, level_changed: bool) -> Value {
    json!({
        "event_id": Uuid::now_v7(),
        "event_type": "StockChanged",
        "version": "1.0",
        "timestamp": "2026-11-21T06:30:33.700Z",
        "source": "inventory",
        "correlation_id": Uuid::now_v7(),
        "traceparent": "00-5b1c7f0f2a9e4d6c8b3a1e0d9c8f7a61-7e21874097f4d3ab-01",
        "subject": product_id,
        "sequence": sequence,
        "data": {
            "product_id": product_id, "available": 4, "reserved": 0, "on_hand": 4, "level": level, "level_changed": level_changed,
        },
    })
}

#[tokio::test]
async fn a_product_shows_its_stock_level() {
    let (admin, anonymous, category) = (Person::admin().await, Person::anonymous(), some_category());
    let body = json!({ "name": "Cup", "category": category, "price": 1 });
    let product = admin.post("/products", &body).await.expect(201);
    assert_eq!(product["availability"], "sold_out");
    let id = product["id"].as_str().unwrap();
    let path = format!("/products/{id}");
    let becomes = async |level: &str, never: &str| {
        eventually(&format!("a product to be {level}"), || async {
            let answer = anonymous.get(&path).await;
            let found = answer.body["availability"].as_str().unwrap().to_owned();
            assert_ne!(found, never);
            if found == level { Ok(answer) } else { Err(found) }
        })
        .await
    };
    // The sequences are far after those of the product's real stock events.
    let event = |nth: u64, level: &str, changed: bool| stock_changed(id, 1_000_000 + nth, level, changed);
    publish(&event(5, "low", true)).await;
    let low = becomes("low", "in_stock").await;
    assert_ne!(low.headers["etag"], "\"1\"");
    // An event that is late, one that is repeated, and one that does not change the level.
    let ignored = [event(3, "in_stock", true), event(5, "in_stock", true), event(6, "in_stock", false)];
    join_all(ignored.iter().map(publish)).await;
    publish(&event(9, "sold_out", true)).await;
    let sold_out = becomes("sold_out", "in_stock").await;
    join_all(ignored.iter().map(publish)).await;
    drained("UpdateAvailabilityQueue").await;
    let after = anonymous.get(&path).await;
    assert_eq!(after.headers["etag"], sold_out.headers["etag"]);
    let listed = anonymous.get(&format!("/products?category={category}")).await.expect(200);
    assert_eq!(listed["items"], json!([after.expect(200)]));

    publish(&event(10, "in_stock", true)).await;
    let in_stock = becomes("in_stock", "low").await;
    let listed = anonymous.get(&format!("/products?category={category}")).await.expect(200);
    assert_eq!(listed["items"], json!([in_stock.body]));

    // An event of an archived product is acknowledged, so that its message does not come back to the queue again and
    // again.
    assert_eq!(admin.delete(&path).await.status, 204);
    publish(&event(11, "low", true)).await;
    drained("UpdateAvailabilityQueue").await;
    anonymous.get(&path).await.expect(404);
}
