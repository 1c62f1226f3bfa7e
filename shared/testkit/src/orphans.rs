//! Checkouts that died on the way, as no test could bring them about in time by killing.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Product, Stack, invoke};

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
    let stack = Stack::get();
    let client = aws_sdk_dynamodb::Client::new(&stack.aws().await);
    let past = "2026-01-01T00:00:00.000Z";
    let text = |text: String| AttributeValue::S(text);
    let update = client.update_item().table_name(&stack.tables["InventoryTable"]);
    let update = update.key("pk", text(format!("ORDER#{order}"))).key("sk", text("PART#00".to_owned()));
    let update = update.update_expression("SET reserved_until = :past, gsi1sk = :place");
    let update = update.condition_expression("attribute_exists(gsi1pk)");
    let update = update.expression_attribute_values(":past", text(past.to_owned()));
    update.expression_attribute_values(":place", text(format!("{past}#{order}"))).send().await.expect("an open part");
}
