//! Product search: by words, prefixes, and words with one typing error.

use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::join_all;
use kernel::Timestamp;
use serde_json::{Value, json};
use testkit::{Person, Stack, eventually, invoke, items_with};
use uuid::Uuid;

/// Returns a word that no other test uses, without digits, so that it can be misspelled.
fn made_up_word() -> String {
    let letter = |digit: char| char::from(b'a' + u8::try_from(digit.to_digit(16).unwrap()).unwrap());
    Uuid::new_v4().simple().to_string()[20..].chars().map(letter).collect()
}

async fn product(admin: &Person, name: &str, category: &str, description: &str) -> String {
    let body = json!({ "name": name, "category": category, "description": description, "price": "12.50" });
    let product = admin.post("/products", &body).await.expect(201);
    product["id"].as_str().unwrap().to_owned()
}

async fn search(text: &str) -> Value {
    Person::anonymous().get(&format!("/products/search?q={text}")).await.expect(200)
}

/// Returns the ids of the results, best matches first.
async fn found(text: &str) -> Vec<String> {
    let page = search(text).await;
    page["items"].as_array().unwrap().iter().map(|product| product["id"].as_str().unwrap().to_owned()).collect()
}

/// Returns the ids of all results, which are read page by page.
async fn all_found(text: &str) -> Vec<String> {
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = Person::anonymous().get(&format!("/products/search?q={text}&limit=100{cursor}")).await.expect(200);
        ids.extend(page["items"].as_array().unwrap().iter().map(|product| product["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { return ids };
        cursor = format!("&cursor={next}");
    }
}

async fn becomes(text: &str, expected: &[&String]) {
    eventually(&format!("{expected:?} to be found by {text:?}"), || async {
        let found = found(text).await;
        if found.iter().eq(expected.iter().copied()) { Ok(()) } else { Err(format!("{found:?}")) }
    })
    .await;
}

#[tokio::test]
async fn a_new_product_is_found_by_words_prefixes_and_misspelled_words() {
    let admin = Person::admin().await;
    let (name, said) = (made_up_word(), made_up_word());
    let mug = product(&admin, &format!("{name}é Mugs"), "Kitchen", &format!("Of {said}.")).await;
    becomes(&format!("{name}e"), &[&mug]).await;
    let (start, end) = name.split_at(6);
    let (third, fourth, rest) = (&end[..1], &end[1..2], &end[2..]);
    for text in [
        format!("{name}é"),
        format!("mug {}E", name.to_uppercase()),
        format!("mugs {start}"),
        format!("{start}{fourth}{rest}e"),
        format!("{start}x{end}e"),
        format!("{start}z{fourth}{rest}e"),
        format!("{start}{fourth}{third}{rest}e"),
        said.clone(),
        format!("{said}x"),
    ] {
        assert_eq!(found(&text).await.first(), Some(&mug), "{text} for {name}é, of {said}");
    }
    // Words of descriptions are not found by their prefixes, and a word with two wrong letters is another word.
    for text in [&said[..6], &format!("{start}zz{rest}e")] {
        assert_eq!(found(text).await, [""; 0], "{text} for {name}é, of {said}");
    }
}

#[tokio::test]
async fn products_that_have_all_the_words_come_first_and_names_before_descriptions() {
    let admin = Person::admin().await;
    let (one, other) = (made_up_word(), made_up_word());
    let described = product(&admin, "Mug", "Kitchen", &format!("Goes with {one} and {other}.")).await;
    let half = product(&admin, &format!("Mug {one}"), "Kitchen", "").await;
    let named = product(&admin, &format!("{one} {other} Mug"), "Kitchen", "").await;
    becomes(&format!("{one} {other}"), &[&named, &described, &half]).await;
    becomes(&one, &[&half, &named, &described]).await;
}

#[tokio::test]
async fn a_changed_name_is_found_and_the_old_one_is_not() {
    let admin = Person::admin().await;
    let (old, new) = (made_up_word(), made_up_word());
    let mug = product(&admin, &format!("Mug {old}"), "Kitchen", "").await;
    let path = format!("/products/{mug}");
    becomes(&old, &[&mug]).await;
    admin.put(&path, &json!({ "name": format!("Mug {new}") })).await.expect(200);
    // Results are compared with the product itself, so that the old name stops matching at once.
    assert_eq!(found(&old).await, [""; 0]);
    becomes(&new, &[&mug]).await;
    admin.put(&path, &json!({ "price": "13.00" })).await.expect(200);
    assert_eq!(search(&new).await["items"][0]["price"], "13.00");
    assert_eq!(admin.delete(&path).await.status, 204);
    assert_eq!(found(&new).await, [""; 0]);
}

#[tokio::test]
async fn each_product_comes_once_page_by_page() {
    let admin = Person::admin().await;
    let word = made_up_word();
    let mut made = Vec::new();
    for index in 0..5 {
        made.push(product(&admin, &format!("Cup {index} {word}"), "Kitchen", "").await);
    }
    eventually("all products to be found", || async {
        let found = found(&word).await.len();
        if found == made.len() { Ok(()) } else { Err(found.to_string()) }
    })
    .await;
    let (anonymous, mut seen, mut cursor) = (Person::anonymous(), Vec::new(), String::new());
    loop {
        let page = anonymous.get(&format!("/products/search?q={word}&limit=2{cursor}")).await.expect(200);
        let items = page["items"].as_array().unwrap();
        seen.extend(items.iter().map(|product| product["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        assert_eq!(items.len(), 2);
        let other = anonymous.get(&format!("/products/search?q=mug&cursor={next}")).await.expect(400);
        assert_eq!(other["code"], "invalid_cursor");
        cursor = format!("&cursor={next}");
    }
    seen.sort();
    assert_eq!(seen, made);
}

#[tokio::test]
async fn an_invalid_search_is_refused() {
    let anonymous = Person::anonymous();
    let too_long = "x".repeat(201);
    for query in ["", "?q=", "?q=%20", &format!("?q={too_long}"), "?q=%00"] {
        assert_eq!(anonymous.get(&format!("/products/search{query}")).await.wrong_fields(), ["q"], "{query}");
    }
    for limit in ["0", "101", "many"] {
        assert_eq!(anonymous.get(&format!("/products/search?q=mug&limit={limit}")).await.wrong_fields(), ["limit"]);
    }
    assert_eq!(search("?!").await, json!({ "items": [], "next_cursor": null }));
    assert_eq!(search(&"x".repeat(200)).await["items"], json!([]));
}

/// Each of the products is indexed, and none replaces another.
#[tokio::test]
async fn ten_products_created_at_once_are_all_found() {
    let admin = Person::admin().await;
    let words: Vec<String> = (0..10).map(|_| made_up_word()).collect();
    let made = join_all(words.iter().map(async |word| {
        product(&admin, &format!("Enamel Mug {word}"), "Kitchen", "Keeps tea warm for an hour.").await
    }))
    .await;
    for (word, mug) in words.iter().zip(&made) {
        becomes(word, &[mug]).await;
    }
}

#[tokio::test]
async fn products_created_during_a_rebuild_are_found() {
    let admin = Person::admin().await;
    let word = made_up_word();
    let before = product(&admin, &format!("Mug {word} before"), "Kitchen", "").await;
    let renamed = product(&admin, &format!("Mug {word} plain"), "Kitchen", "").await;
    let rebuilt = AtomicBool::new(false);
    let rebuild = async {
        let answer = invoke("RebuildSearch", &json!({})).await.expect("a rebuild");
        rebuilt.store(true, Ordering::Relaxed);
        answer
    };
    let make = async {
        let mut made = vec![before.clone(), renamed.clone()];
        while !rebuilt.load(Ordering::Relaxed) {
            made.push(product(&admin, &format!("Mug {word}"), "Kitchen", "").await);
            let name = format!("Mug {word} painted {}", made.len());
            admin.put(&format!("/products/{renamed}"), &json!({ "name": name })).await.expect(200);
        }
        made
    };
    let (answer, mut made) = tokio::join!(rebuild, make);
    assert!(answer["products"].as_u64().unwrap() > 2, "{answer}");
    made.sort();
    eventually("all products to be found", || async {
        let mut found = all_found(&word).await;
        found.sort();
        if found == made { Ok(()) } else { Err(format!("{} of {}", found.len(), made.len())) }
    })
    .await;
    eventually("the new name to be found", || async {
        let first = found(&format!("{word} painted")).await.into_iter().next();
        if first.as_ref() == Some(&renamed) { Ok(()) } else { Err(format!("{first:?}")) }
    })
    .await;
    after_a_rebuild_that_died(answer["generation"].as_u64().unwrap()).await;
    assert_eq!(all_found(&word).await.len(), made.len());
}

/// Leaves the index in the state of a rebuild that died: no other rebuild may begin for a while, and the next one
/// deletes what is left. `live` is the live generation.
async fn after_a_rebuild_that_died(live: u64) {
    let client = aws_sdk_dynamodb::Client::new(&Stack::get().aws().await);
    let (table, orphan) = (&Stack::get().tables["CatalogTable"], made_up_word());
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let dead = (live + 5).to_string();
    let left = client.put_item().table_name(table).item("pk", text(&format!("SEARCH#{dead}#{orphan}")));
    left.item("sk", text("BLOCK#0")).send().await.unwrap();
    let now = Timestamp::now();
    for began in [now, now.plus_seconds(-16 * 60)] {
        let manifest = client.update_item().table_name(table).key("pk", text("SEARCH")).key("sk", text("MANIFEST"));
        let expression = "SET building = :dead, started_at = :began, revision = revision + :one";
        let manifest = manifest.update_expression(expression);
        let manifest = manifest.expression_attribute_values(":dead", AttributeValue::N(dead.clone()));
        let manifest = manifest.expression_attribute_values(":began", text(&began.to_string()));
        manifest.expression_attribute_values(":one", AttributeValue::N("1".to_owned())).send().await.unwrap();
        let answer = invoke("RebuildSearch", &json!({})).await;
        if began == now {
            let message = answer.expect_err("a rebuild may be in progress")["errorMessage"].to_string();
            assert!(message.contains("another rebuild"), "{message}");
        } else {
            assert_eq!(answer.expect("a rebuild")["generation"], live + 6);
        }
    }
    assert_eq!(items_with("CatalogTable", &orphan).await, [""; 0]);
}
