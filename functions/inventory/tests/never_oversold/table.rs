//! Inventory on a table of a test.

use std::time::Duration;

use dynamo::Key;
use inventory::{Inventory, SPLITS, StockSettings};
use kernel::OrderId;
use lambda::outbox::ChangedItem;
use serde_json::Value;
use testkit::{TestTable, text};

/// Returns the use cases on `table`, with this lifetime of reservations.
pub fn inventory(table: &TestTable, reservation_lifetime: Duration) -> Inventory {
    Inventory::new(table.table.clone(), StockSettings { splits: SPLITS, reservation_lifetime, low_stock_threshold: 0 })
}

/// Returns the part that completed an order's reservation, in the form of the table's stream, unless the part was
/// changed since.
pub async fn completed(table: &TestTable, order: OrderId) -> Vec<ChangedItem> {
    let pk = format!("ORDER#{order}");
    let items = table.items().await.into_iter();
    let completed = items.filter(|item| text(item, "pk") == pk && text(item, "kind") == "reserved");
    completed.map(|item| ChangedItem { key: Key::new(&pk, text(&item, "sk")), item }).collect()
}

/// Returns the events of an order in the outbox, with their sequences, in order.
pub async fn events_of(table: &TestTable, order: OrderId) -> Vec<(String, u64)> {
    let items = table.items().await;
    let envelopes = items.iter().filter(|item| text(item, "kind") == "event").map(|item| text(item, "envelope"));
    let events = envelopes.map(|envelope| serde_json::from_str::<Value>(envelope).unwrap());
    let mut events: Vec<(String, u64)> = events
        .filter(|event| event["subject"] == order.to_string())
        .map(|event| (event["event_type"].as_str().unwrap().to_owned(), event["sequence"].as_u64().unwrap()))
        .collect();
    events.sort_by_key(|(_, sequence)| *sequence);
    events
}
