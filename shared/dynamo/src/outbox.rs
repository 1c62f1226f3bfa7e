//! The outbox: an event is an item of the table, written with the change it tells of.
//!
//! The table's stream carries it to the context's `publish` function. The stream's filter looks at `kind`.

use contracts::{Envelope, Event};
use serde::{Deserialize, Serialize};

use crate::{Item, Key, StoreError, item};

/// The `kind` of an item that is an event to be published.
pub const OUTBOX_KIND: &str = "event";

/// How long a published event is kept where the table is not itself the event log: time enough to repair a publisher.
const KEPT_SECONDS: i64 = 7 * 24 * 3600;

#[derive(Serialize, Deserialize)]
struct Outbox {
    kind: String,
    event_type: String,
    source: String,
    correlation_id: String,
    /// The whole envelope, as it goes out.
    envelope: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
}

/// `envelope` as an item at `key` that stays: an entry of an event log.
///
/// # Errors
/// When the envelope does not serialize.
pub fn event_item<E: Event>(key: &Key, envelope: &Envelope<E>) -> Result<Item, StoreError> {
    item(key, &outbox(key, envelope, None)?)
}

/// `envelope` as an item of its own that expires a week after it was published.
///
/// # Errors
/// When the envelope does not serialize.
pub fn outbox_item<E: Event>(envelope: &Envelope<E>) -> Result<Item, StoreError> {
    outbox_item_at(&Key::new(format!("EVENT#{}", envelope.event_id), "EVENT"), envelope)
}

/// As [`outbox_item`], at a `key` where its subject's other items lie: what is personal in it can be erased with them.
///
/// # Errors
/// When the envelope does not serialize.
pub fn outbox_item_at<E: Event>(key: &Key, envelope: &Envelope<E>) -> Result<Item, StoreError> {
    let expires_at = envelope.timestamp.as_seconds() + KEPT_SECONDS;
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
