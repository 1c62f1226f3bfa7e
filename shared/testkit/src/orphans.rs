//! Checkouts that died on the way, as no test could bring them about in time by killing.

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sfn::types::ExecutionStatus;
use serde_json::json;
use uuid::Uuid;

use crate::{PATIENCE, Product, Stack, eventually};

/// Sets so many of a product aside for an order that there never was, by a workflow that has only this step; the order's id.
pub async fn reserve_for_nobody(product: &Product, pieces: u32) -> String {
    let stack = Stack::get();
    let workflows = aws_sdk_sfn::Client::new(&stack.aws().await);
    let order = Uuid::now_v7().to_string();
    let account = stack.state_machine.split(':').nth(4).expect("an account");
    let function = &stack.functions["ReserveStock"];
    let step = json!({
        "Type": "Task",
        "Resource": format!("arn:aws:lambda:{}:{account}:function:{function}", stack.region),
        "End": true,
    });
    let definition = json!({ "StartAt": "ReserveStock", "States": { "ReserveStock": step } }).to_string();
    let create = workflows.create_state_machine().name(format!("orphan-{order}")).definition(definition);
    let checkout = workflows.describe_state_machine().state_machine_arn(&stack.state_machine).send().await;
    let role = checkout.expect("the checkout workflow").role_arn;
    let machine = create.role_arn(role).send().await.expect("a workflow").state_machine_arn;
    let input = json!({
        "order_id": order,
        "lines": [{ "product_id": product.id, "quantity": pieces }],
        "correlation_id": Uuid::now_v7(),
        "traceparent": format!("00-{}-00f067aa0ba902b7-01", Uuid::new_v4().simple()),
    });
    let start = workflows.start_execution().state_machine_arn(&machine).input(input.to_string());
    let execution = start.send().await.expect("an execution").execution_arn;
    eventually("the reservation", PATIENCE, || async {
        let state = workflows.describe_execution().execution_arn(&execution).send().await.expect("a state");
        match state.status {
            ExecutionStatus::Succeeded => Ok(()),
            other => Err(format!("{other:?} {:?}", state.cause)),
        }
    })
    .await;
    workflows.delete_state_machine().state_machine_arn(machine).send().await.expect("deleted");
    order
}

/// Lets the time run out for which something is set aside for an order.
pub async fn has_overdue_reservation(order: &str) {
    let stack = Stack::get();
    let client = aws_sdk_dynamodb::Client::new(&stack.aws().await);
    let past = "2026-01-01T00:00:00.000Z";
    let text = |text: String| AttributeValue::S(text);
    let update = client.update_item().table_name(&stack.tables["InventoryTable"]);
    let update = update.key("pk", text(format!("ORDER#{order}"))).key("sk", text("PART#0".to_owned()));
    let update = update.update_expression("SET reserved_until = :past, gsi1sk = :place");
    let update = update.condition_expression("attribute_exists(gsi1pk)");
    let update = update.expression_attribute_values(":past", text(past.to_owned()));
    update.expression_attribute_values(":place", text(format!("{past}#{order}"))).send().await.expect("an open part");
}
