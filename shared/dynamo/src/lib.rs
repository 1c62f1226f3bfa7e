//! A context's one DynamoDB table: typed reads, all-or-nothing writes, the outbox and idempotency keys.
//!
//! Every item has the string keys `pk` and `sk`; each context's `store` module documents its own layout.

mod counters;
mod idempotency;
mod outbox;
mod sweep;
mod table;
mod write;

use aws_sdk_dynamodb::primitives::Blob;

pub use aws_sdk_dynamodb::types::AttributeValue;
pub use counters::count;
pub use idempotency::{Answer, Claim, KeyReused};
pub use outbox::{OUTBOX_KIND, event_item, outbox_item, outbox_item_at};
pub use sweep::{Scan, Scanned};
pub use table::{Page, Query, Table};
pub use write::{Refusal, TransactError, Write, pause};

/// An item as DynamoDB holds it.
pub type Item = std::collections::HashMap<String, AttributeValue>;

/// Where an item lies.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The partition.
    pub pk: String,
    /// The place in it.
    pub sk: String,
}

impl Key {
    /// A key from its two halves.
    pub fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { pk: pk.into(), sk: sk.into() }
    }

    fn attributes(&self) -> Item {
        Item::from([text("pk", &self.pk), text("sk", &self.sk)])
    }
}

/// The table could not be read or written, or held what this build cannot read. Retrying may help.
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

    /// What lies in the table is not what this build reads.
    pub fn unreadable(table: &str, reason: impl std::fmt::Display) -> Self {
        Self::new("read an item", table, reason)
    }

    /// Whether the write failed only because other transactions changed the same item during each attempt.
    pub fn is_conflict(&self) -> bool {
        self.is_conflict
    }
}

/// `value` as an item at `key`, ready to be written.
///
/// # Errors
/// When `value` does not serialize to a map.
pub fn item(key: &Key, value: &impl serde::Serialize) -> Result<Item, StoreError> {
    let mut item: Item = serde_dynamo::to_item(value).map_err(|error| StoreError::new("serialize", &key.pk, error))?;
    item.extend(key.attributes());
    Ok(item)
}

/// A named text attribute.
pub fn text(name: &str, value: impl ToString) -> (String, AttributeValue) {
    (name.to_owned(), AttributeValue::S(value.to_string()))
}

/// A named number attribute.
pub fn number(name: &str, value: impl Into<i128>) -> (String, AttributeValue) {
    (name.to_owned(), AttributeValue::N(value.into().to_string()))
}

/// A named attribute of bytes.
pub fn bytes(name: &str, value: Vec<u8>) -> (String, AttributeValue) {
    (name.to_owned(), AttributeValue::B(Blob::new(value)))
}
