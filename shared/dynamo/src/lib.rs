//! Access to the DynamoDB table of a context: typed reads, transactions, the outbox and idempotency keys.
//!
//! Every item has the string keys `pk` and `sk`. The `store` module of each context documents its items.

mod counters;
mod idempotency;
mod outbox;
mod sweep;
mod table;
mod write;

use aws_sdk_dynamodb::primitives::Blob;

pub use aws_sdk_dynamodb::types::AttributeValue;
pub use counters::count;
pub use idempotency::{IdempotencyKey, KeyReused, StoredResponse};
pub use outbox::{OUTBOX_KIND, event_item, outbox_item, outbox_item_at};
pub use sweep::{Scan, Scanned};
pub use table::{Page, Query, Table};
pub use write::{Refusal, TransactError, Write, pause};

/// A DynamoDB item.
pub type Item = std::collections::HashMap<String, AttributeValue>;

/// The key of an item.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The partition key.
    pub pk: String,
    /// The sort key.
    pub sk: String,
}

impl Key {
    /// Creates a key.
    pub fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { pk: pk.into(), sk: sk.into() }
    }

    fn attributes(&self) -> Item {
        Item::from([text("pk", &self.pk), text("sk", &self.sk)])
    }
}

/// The error of a table that could not be read or written, or of an item that this build cannot read. Retrying may
/// help.
#[derive(Debug, thiserror::Error)]
#[error("{operation} on table {table}: {reason}")]
pub struct StoreError {
    operation: &'static str,
    table: String,
    reason: String,
    is_conflict: bool,
}

impl StoreError {
    pub(crate) fn new(operation: &'static str, table: &str, reason: impl std::fmt::Display) -> Self {
        Self { operation, table: table.to_owned(), reason: reason.to_string(), is_conflict: false }
    }

    /// Creates the error of an item that this build cannot read.
    pub fn unreadable(table: &str, reason: impl std::fmt::Display) -> Self {
        Self::new("read an item", table, reason)
    }

    /// Returns whether the write failed only because other transactions changed the same items during each attempt.
    pub fn is_conflict(&self) -> bool {
        self.is_conflict
    }
}

/// Serializes `value` to an item with this `key`.
///
/// # Errors
/// If `value` does not serialize to a map.
pub fn item(key: &Key, value: &impl serde::Serialize) -> Result<Item, StoreError> {
    let mut item: Item = serde_dynamo::to_item(value).map_err(|error| StoreError::new("serialize", &key.pk, error))?;
    item.extend(key.attributes());
    Ok(item)
}

/// Returns a text attribute with its name.
pub fn text(name: &str, value: impl ToString) -> (String, AttributeValue) {
    (name.to_owned(), AttributeValue::S(value.to_string()))
}

/// Returns a number attribute with its name.
pub fn number(name: &str, value: impl Into<i128>) -> (String, AttributeValue) {
    (name.to_owned(), AttributeValue::N(value.into().to_string()))
}

/// Returns a binary attribute with its name.
pub fn bytes(name: &str, value: Vec<u8>) -> (String, AttributeValue) {
    (name.to_owned(), AttributeValue::B(Blob::new(value)))
}
