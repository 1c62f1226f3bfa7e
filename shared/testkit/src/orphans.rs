//! Checkouts that are incomplete, deferred or old. They are created directly in the tables, because killing functions
//! or waiting would take too long.

use std::collections::HashMap;

use aws_sdk_dynamodb::{operation::update_item::builders::UpdateItemFluentBuilder, types::AttributeValue};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Product, Stack, eventually, invoke};

/// Reserves stock for an order, without the other steps of its checkout.
pub async fn reserve_only(order: &Value, product: &Product, pieces: u32) {
    let input = json!({
        "order_id": order["id"],
        "lines": [{ "product_id": product.id, "quantity": pieces }],
        "correlation_id": Uuid::now_v7(),
        "traceparent": format!("00-{}-00f067aa0ba902b7-01", Uuid::new_v4().simple()),
    });
    invoke("ReserveStock", &input).await.expect("a reservation");
}

/// Makes the reservation of an order expire.
pub async fn has_overdue_reservation(order: &Value) {
    let order = order["id"].as_str().expect("an id");
    let update = update("InventoryTable", &format!("ORDER#{order}"), "PART#00").await;
    let update = update.update_expression("SET reserved_until = :past, gsi1sk = :index_key");
    let update = update.condition_expression("attribute_exists(gsi1pk)");
    let update = update.expression_attribute_values(":past", text(LONG_AGO));
    update
        .expression_attribute_values(":index_key", text(&format!("{LONG_AGO}#{order}")))
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

/// Returns whether the checkout of an order is deferred now.
pub async fn is_deferred_by_now(order: &Value) -> bool {
    deferred(order).await.is_some()
}

/// Makes a deferred checkout due and resumes all due checkouts. Returns whether it is deferred again.
pub async fn resumes(order: &Value) -> bool {
    if !make_due_at(order, LONG_AGO).await {
        return false; // the schedule has already resumed it
    }
    invoke("ResumeCheckouts", &json!({})).await.expect("a resumption");
    deferred(order).await.is_some()
}

/// Waits until the checkout of an order is deferred, and postpones it for longer than any test, so that the order stays
/// in checkout.
pub async fn is_postponed(order: &Value) {
    is_deferred(order).await;
    assert!(make_due_at(order, "2999-01-01T00:00:00.000Z").await);
}

/// Removes the entry of a deferred checkout, so that it is never resumed.
pub async fn is_removed(order: &Value) {
    let stack = Stack::get();
    let client = aws_sdk_dynamodb::Client::new(&stack.aws().await);
    let delete = client.delete_item().table_name(&stack.tables["OrdersTable"]);
    delete.key("pk", text("DEFERRED")).key("sk", text(&order_key(order))).send().await.expect("a deletion");
}

/// Makes an unpaid order old, in its read model and in the index.
pub async fn is_aged(order: &Value) {
    let user = order["user_id"].as_str().expect("a user");
    let update = update("OrdersTable", &format!("USER#{user}"), &order_key(order)).await;
    let update = update.update_expression("SET placed_at = :past, updated_at = :past, gsi1sk = :first");
    let update = update.condition_expression("attribute_exists(gsi1pk)");
    let update = update.expression_attribute_values(":past", text(LONG_AGO));
    update.expression_attribute_values(":first", text("0")).send().await.expect("a read model");
}

/// Lets the simulator capture the payment of an order, which it has refused before.
pub async fn can_be_captured_now(order: &Value) {
    let id = order["id"].as_str().expect("an id");
    let update = update("PaymentsTable", &format!("SIMULATOR#{id}"), "INTENT").await;
    let update = update.update_expression("SET #method = :good").expression_attribute_names("#method", "method");
    let update = update.condition_expression("attribute_exists(pk)");
    update.expression_attribute_values(":good", text("pm_card_visa")).send().await.expect("the simulator's ledger");
}

/// Makes a deferred checkout due at `time`. Returns whether there is one.
async fn make_due_at(order: &Value, time: &str) -> bool {
    let update = update("OrdersTable", "DEFERRED", &order_key(order)).await;
    let update = update.update_expression("SET due_at = :time, gsi1sk = :index_key");
    let update = update.condition_expression("attribute_exists(gsi1pk)");
    let update = update.expression_attribute_values(":time", text(time));
    let index_key = format!("{time}#{}", order["id"].as_str().expect("an id"));
    match update.expression_attribute_values(":index_key", text(&index_key)).send().await {
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
    get.key("pk", text("DEFERRED")).key("sk", text(&order_key(order))).send().await.expect("a response").item
}

fn order_key(order: &Value) -> String {
    format!("ORDER#{}", order["id"].as_str().expect("an id"))
}

/// A time before all orders of the tests.
const LONG_AGO: &str = "2026-01-01T00:00:00.000Z";

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

/// Starts an update of an item of a table (its logical id).
async fn update(table: &str, pk: &str, sk: &str) -> UpdateItemFluentBuilder {
    let stack = Stack::get();
    let client = aws_sdk_dynamodb::Client::new(&stack.aws().await);
    client.update_item().table_name(&stack.tables[table]).key("pk", text(pk)).key("sk", text(sk))
}
