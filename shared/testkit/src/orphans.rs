//! Checkouts that died or wait on the way, as no test could bring them about in time by killing or by waiting.

use std::collections::HashMap;

use aws_sdk_dynamodb::{operation::update_item::builders::UpdateItemFluentBuilder, types::AttributeValue};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{PATIENCE, Product, Stack, eventually, invoke};

/// Sets so many of a product aside for an order, and does no more of its checkout.
pub async fn reserve_only(order: &Value, product: &Product, pieces: u32) {
    let input = json!({
        "order_id": order["id"],
        "lines": [{ "product_id": product.id, "quantity": pieces }],
        "correlation_id": Uuid::now_v7(),
        "traceparent": format!("00-{}-00f067aa0ba902b7-01", Uuid::new_v4().simple()),
    });
    invoke("ReserveStock", &input).await.expect("a reservation");
}

/// Lets the time run out for which something is set aside for an order.
pub async fn has_overdue_reservation(order: &Value) {
    let order = order["id"].as_str().expect("an id");
    let update = update("InventoryTable", &format!("ORDER#{order}"), "PART#00").await;
    let update = update.update_expression("SET reserved_until = :past, gsi1sk = :place");
    let update = update.condition_expression("attribute_exists(gsi1pk)");
    let update = update.expression_attribute_values(":past", text(LONG_AGO));
    update
        .expression_attribute_values(":place", text(&format!("{LONG_AGO}#{order}")))
        .send()
        .await
        .expect("an open part");
}

/// Waits until the checkout of an order is deferred.
pub async fn is_deferred(order: &Value) {
    eventually("the checkout to be deferred", PATIENCE, || async {
        deferred(order).await.map(drop).ok_or("no such entry".to_owned())
    })
    .await;
}

/// Makes a deferred checkout due, and starts over all that are; whether it still is deferred then.
pub async fn resumes(order: &Value) -> bool {
    let id = order["id"].as_str().expect("an id");
    let update = update("OrdersTable", "DEFERRED", &format!("ORDER#{id}")).await;
    let update = update.update_expression("SET due_at = :past, gsi1sk = :place");
    let update = update.condition_expression("attribute_exists(gsi1pk)");
    let update = update.expression_attribute_values(":past", text(LONG_AGO));
    let made_due = update.expression_attribute_values(":place", text(&format!("{LONG_AGO}#{id}"))).send().await;
    if let Err(error) = made_due {
        // The schedule may have been faster.
        assert!(error.into_service_error().is_conditional_check_failed_exception());
        return false;
    }
    invoke("ResumeCheckouts", &json!({})).await.expect("a resumption");
    deferred(order).await.is_some()
}

async fn deferred(order: &Value) -> Option<HashMap<String, AttributeValue>> {
    let stack = Stack::get();
    let client = aws_sdk_dynamodb::Client::new(&stack.aws().await);
    let get = client.get_item().table_name(&stack.tables["OrdersTable"]).consistent_read(true);
    let place = format!("ORDER#{}", order["id"].as_str().expect("an id"));
    get.key("pk", text("DEFERRED")).key("sk", text(&place)).send().await.expect("an answer").item
}

/// A moment at which nothing of this was.
const LONG_AGO: &str = "2026-01-01T00:00:00.000Z";

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

/// An update of an item of a table (its logical id).
async fn update(table: &str, pk: &str, sk: &str) -> UpdateItemFluentBuilder {
    let stack = Stack::get();
    let client = aws_sdk_dynamodb::Client::new(&stack.aws().await);
    client.update_item().table_name(&stack.tables[table]).key("pk", text(pk)).key("sk", text(sk))
}
