//! The outbox. An event is stored as an item of the table, in the transaction of the change that it is about.
//!
//! The stream of the table invokes the context's `publish` function with it. The filter of the stream selects by
//! `kind`.

use contracts::{Envelope, Event};
use serde::{Deserialize, Serialize};

use crate::{Item, Key, StoreError, item};

/// The `kind` of items that are events to publish.
pub const OUTBOX_KIND: &str = "event";

/// How long an event is stored where the table is not an event log. It is enough time to repair a publisher.
const RETENTION_SECONDS: i64 = 7 * 24 * 3600;

/// An outbox item.
#[derive(Serialize, Deserialize)]
struct Outbox {
    kind: String,
    event_type: String,
    source: String,
    correlation_id: String,
    /// The whole envelope, as it is published.
    envelope: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
}

/// Returns `envelope` as an item at `key` that does not expire, for an event log.
///
/// # Errors
/// If the envelope cannot be serialized.
pub fn event_item<E: Event>(key: &Key, envelope: &Envelope<E>) -> Result<Item, StoreError> {
    item(key, &outbox(key, envelope, None)?)
}

/// Returns `envelope` as an item with a key of its own that expires after a week.
///
/// # Errors
/// If the envelope cannot be serialized.
pub fn outbox_item<E: Event>(envelope: &Envelope<E>) -> Result<Item, StoreError> {
    outbox_item_at(&Key::new(format!("EVENT#{}", envelope.event_id), "EVENT"), envelope)
}

/// Returns `envelope` as an item at `key` that expires after a week. With a key beside the other items of its subject,
/// personal data in the event can be erased together with them.
///
/// # Errors
/// If the envelope cannot be serialized.
pub fn outbox_item_at<E: Event>(key: &Key, envelope: &Envelope<E>) -> Result<Item, StoreError> {
    let expires_at = envelope.timestamp.as_seconds() + RETENTION_SECONDS;
    item(key, &outbox(key, envelope, Some(expires_at))?)
}

fn outbox<E: Event>(key: &Key, envelope: &Envelope<E>, expires_at: Option<i64>) -> Result<Outbox, StoreError> {
    Ok(Outbox {
        kind: OUTBOX_KIND.to_owned(),
        event_type: envelope.event.event_type().to_owned(),
        source: E::SOURCE.to_owned(),
        correlation_id: envelope.correlation_id.to_string(),
        envelope: serde_json::to_string(envelope)
            .map_err(|error| StoreError::new("serialize an event", &key.pk, error))?,
        expires_at,
    })
}
