//! Checkouts that died or wait on the way, as no test could bring them about in time by killing or by waiting.

use std::collections::HashMap;

use aws_sdk_dynamodb::{operation::update_item::builders::UpdateItemFluentBuilder, types::AttributeValue};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Product, Stack, eventually, invoke};

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
    eventually("the checkout to be deferred", || async {
        deferred(order).await.map(drop).ok_or("no such entry".to_owned())
    })
    .await;
}

/// Whether the checkout of an order is deferred.
pub async fn is_deferred_by_now(order: &Value) -> bool {
    deferred(order).await.is_some()
}

/// Makes a deferred checkout due, and starts over all that are; whether it still is deferred then.
pub async fn resumes(order: &Value) -> bool {
    if !is_due_at(order, LONG_AGO).await {
        return false; // the schedule was faster
    }
    invoke("ResumeCheckouts", &json!({})).await.expect("a resumption");
    deferred(order).await.is_some()
}

/// Waits until the checkout of an order is deferred, and has it wait for longer than any test: it is in checkout, and
/// nothing happens.
pub async fn is_put_off(order: &Value) {
    is_deferred(order).await;
    assert!(is_due_at(order, "2999-01-01T00:00:00.000Z").await);
}

/// Loses what would have a deferred checkout started over.
pub async fn is_forgotten(order: &Value) {
    let stack = Stack::get();
    let client = aws_sdk_dynamodb::Client::new(&stack.aws().await);
    let delete = client.delete_item().table_name(&stack.tables["OrdersTable"]);
    delete.key("pk", text("DEFERRED")).key("sk", text(&place(order))).send().await.expect("a deletion");
}

/// Lets an order that is not paid grow old: its view says so, in the index, too.
pub async fn has_grown_old(order: &Value) {
    let user = order["user_id"].as_str().expect("a user");
    let update = update("OrdersTable", &format!("USER#{user}"), &place(order)).await;
    let update = update.update_expression("SET placed_at = :past, updated_at = :past, gsi1sk = :first");
    let update = update.condition_expression("attribute_exists(gsi1pk)");
    let update = update.expression_attribute_values(":past", text(LONG_AGO));
    update.expression_attribute_values(":first", text("0")).send().await.expect("a view");
}

/// Has the simulator take the money of an order that it has refused to take before.
pub async fn can_be_captured_now(order: &Value) {
    let id = order["id"].as_str().expect("an id");
    let update = update("PaymentsTable", &format!("SIMULATOR#{id}"), "INTENT").await;
    let update = update.update_expression("SET #method = :good").expression_attribute_names("#method", "method");
    let update = update.condition_expression("attribute_exists(pk)");
    update.expression_attribute_values(":good", text("pm_card_visa")).send().await.expect("the simulator's books");
}

/// Whether a deferred checkout could be made due at `moment`: it is there.
async fn is_due_at(order: &Value, moment: &str) -> bool {
    let update = update("OrdersTable", "DEFERRED", &place(order)).await;
    let update = update.update_expression("SET due_at = :moment, gsi1sk = :place");
    let update = update.condition_expression("attribute_exists(gsi1pk)");
    let update = update.expression_attribute_values(":moment", text(moment));
    let index = format!("{moment}#{}", order["id"].as_str().expect("an id"));
    match update.expression_attribute_values(":place", text(&index)).send().await {
        Ok(_) => true,
        Err(error) => {
            assert!(error.into_service_error().is_conditional_check_failed_exception());
            false
        }
    }
}

async fn deferred(order: &Value) -> Option<HashMap<String, AttributeValue>> {
    let stack = Stack::get();
    let client = aws_sdk_dynamodb::Client::new(&stack.aws().await);
    let get = client.get_item().table_name(&stack.tables["OrdersTable"]).consistent_read(true);
    get.key("pk", text("DEFERRED")).key("sk", text(&place(order))).send().await.expect("an answer").item
}

fn place(order: &Value) -> String {
    format!("ORDER#{}", order["id"].as_str().expect("an id"))
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
