//! Inventory over a table of its own.

use std::time::Duration;

use dynamo::Key;
use inventory::{Inventory, SPLITS, Terms};
use kernel::OrderId;
use lambda::outbox::Streamed;
use serde_json::Value;
use testkit::{TestTable, text};

/// Inventory over `table`, which sets things aside for so long.
pub fn inventory(table: &TestTable, reserved_for: Duration) -> Inventory {
    Inventory::new(table.table.clone(), Terms { splits: SPLITS, reserved_for, low_stock: 0 })
}

/// The part that completed an order's reservation, as the table's stream has it, if nothing has become of it yet.
pub async fn completed(table: &TestTable, order: OrderId) -> Vec<Streamed> {
    let pk = format!("ORDER#{order}");
    let items = table.items().await.into_iter();
    let completed = items.filter(|item| text(item, "pk") == pk && text(item, "kind") == "reserved");
    completed.map(|item| Streamed { key: Key::new(&pk, text(&item, "sk")), item }).collect()
}

/// The events of an order that are in the outbox, by their place.
pub async fn events_of(table: &TestTable, order: OrderId) -> Vec<(String, u64)> {
    let items = table.items().await;
    let envelopes = items.iter().filter(|item| text(item, "kind") == "event").map(|item| text(item, "envelope"));
    let events = envelopes.map(|envelope| serde_json::from_str::<Value>(envelope).unwrap());
    let mut told: Vec<(String, u64)> = events
        .filter(|event| event["subject"] == order.to_string())
        .map(|event| (event["event_type"].as_str().unwrap().to_owned(), event["sequence"].as_u64().unwrap()))
        .collect();
    told.sort_by_key(|(_, place)| *place);
    told
}
