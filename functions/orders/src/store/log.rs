//! The log of an order: its events, who caused each of them and why, and a snapshot of the order at intervals.

use contracts::{Envelope, Event, OrderEvent};
use dynamo::{Item, Key, Query, StoreError, Table, Write, event_item, item};
use kernel::{OrderId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::{Actor, Order};

use super::change::Change;

/// The number of events between two snapshots, so that no more than these and those of one append are replayed.
pub const SNAPSHOT_EVERY: u64 = 64;

/// The format of the snapshots. Snapshots of another version are ignored, and the events are replayed instead.
const SNAPSHOT_VERSION: u32 = 1;

/// One entry of a log.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The event.
    pub envelope: Envelope<OrderEvent>,
    /// Who caused it. Unknown for events that are older than this attribute.
    pub actor: Option<Actor>,
    /// The reason, in the actor's own words.
    pub reason: Option<String>,
    snapshot: Option<Order>,
}

#[derive(Deserialize)]
struct Stored {
    envelope: String,
    #[serde(flatten)]
    metadata: EntryMetadata,
}

/// Attributes that are stored next to the envelope. Only the envelope is published.
#[derive(Serialize, Deserialize)]
struct EntryMetadata {
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<Actor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Snapshot {
    version: u32,
    /// The order as JSON: an order of another version may not have the fields of this one.
    order: serde_json::Value,
}

pub fn pk(id: OrderId) -> String {
    format!("ORDER#{id}")
}

/// Returns a sort key that sorts like the number: there is a `~` for each digit beyond six, and `~` sorts after all
/// digits.
pub fn sk(sequence: u64) -> String {
    let digits = sequence.checked_ilog10().unwrap_or_default() as usize + 1;
    format!("EVENT#{}{sequence:06}", "~".repeat(digits.saturating_sub(6)))
}

fn key(id: OrderId, sequence: u64) -> Key {
    Key::new(pk(id), sk(sequence))
}

/// Returns the writes of the events of `change`, on the condition that their places in the log are free.
pub fn writes(change: Change<'_>) -> Result<Vec<Write>, StoreError> {
    let Change { order, events, audit, .. } = change;
    let first = order.sequence - events.len() as u64 + 1;
    let is_due = order.sequence / SNAPSHOT_EVERY > (first - 1) / SNAPSHOT_EVERY;
    let entry = |(event, sequence): (OrderEvent, u64)| {
        let envelope = Envelope::new(event, order.id, sequence, order.updated_at, &audit.cause);
        let is_last = sequence == order.sequence;
        let snapshot = (is_due && is_last).then(|| snapshot(order)).transpose()?;
        let metadata = EntryMetadata { actor: Some(audit.actor.clone()), reason: audit.reason.clone(), snapshot };
        let key = key(order.id, sequence);
        let mut entry = event_item(&key, &envelope)?;
        entry.extend(item(&key, &metadata)?);
        Ok(Write::put(entry).if_absent())
    };
    events.into_iter().zip(first..).map(entry).collect()
}

fn snapshot(order: &Order) -> Result<String, StoreError> {
    let json = serde_json::to_value(order)
        .and_then(|order| serde_json::to_string(&Snapshot { version: SNAPSHOT_VERSION, order }));
    json.map_err(|error| StoreError::unreadable(OrderEvent::SOURCE, error))
}

impl Entry {
    fn read(stored: Stored) -> Result<Self, StoreError> {
        // An order must not be replayed without an event that this build cannot read, so that is an error.
        let unknown = || StoreError::unreadable(OrderEvent::SOURCE, "an event of an unknown type");
        let envelope = Envelope::read(&stored.envelope);
        let envelope = envelope.map_err(|error| StoreError::unreadable(OrderEvent::SOURCE, error))?;
        let snapshot = stored.metadata.snapshot.and_then(|json| serde_json::from_str::<Snapshot>(&json).ok());
        let snapshot = snapshot.filter(|snapshot| snapshot.version == SNAPSHOT_VERSION);
        Ok(Self {
            envelope: envelope.ok_or_else(unknown)?,
            actor: stored.metadata.actor,
            reason: stored.metadata.reason,
            snapshot: snapshot.and_then(|snapshot| serde_json::from_value(snapshot.order).ok()),
        })
    }
}

/// Replays an order from all its events. Returns `None` if there are none.
pub async fn replay(table: &Table, id: OrderId) -> Result<Option<Order>, StoreError> {
    let (entries, _) = page(table, id, 0, usize::MAX).await?;
    Ok(Order::replay(entries.iter().map(|entry| (&entry.envelope.event, entry.envelope.timestamp))))
}

/// Returns up to `limit` entries after the sequence number `after`, and whether there are more.
pub async fn page(table: &Table, id: OrderId, after: u64, limit: usize) -> Result<(Vec<Entry>, bool), StoreError> {
    query(table, id, Some(after).filter(|after| *after > 0), false, limit).await
}

/// Returns the last entries, the last one first, and whether there are more.
pub async fn latest_entries(table: &Table, id: OrderId, limit: usize) -> Result<(Vec<Entry>, bool), StoreError> {
    query(table, id, None, true, limit).await
}

async fn query(
    table: &Table,
    id: OrderId,
    after: Option<u64>,
    descending: bool,
    limit: usize,
) -> Result<(Vec<Entry>, bool), StoreError> {
    let query = Query { index: None, pk: pk(id), sk_prefix: "EVENT#", after: after.map(sk), descending, limit };
    let page = table.page::<Stored>(&query).await?;
    Ok((page.items.into_iter().map(Entry::read).collect::<Result<_, _>>()?, page.more))
}

async fn entry(table: &Table, id: OrderId, sequence: u64) -> Result<Option<Entry>, StoreError> {
    table.get(&key(id, sequence)).await?.map(Entry::read).transpose()
}

/// Returns the first event of an order, which names the customer.
pub async fn first(table: &Table, id: OrderId) -> Result<Option<Envelope<OrderEvent>>, StoreError> {
    Ok(entry(table, id, 1).await?.map(|entry| entry.envelope))
}

/// Returns the order as it was at `moment`, or `None` if it was placed later. Now it has `length` events.
///
/// Time does not go back within a log, so a binary search finds the last event of that moment. Only the events after
/// the last snapshot are replayed.
pub async fn order_at(table: &Table, id: OrderId, length: u64, moment: Timestamp) -> Result<Option<Order>, StoreError> {
    let (mut found, mut end) = (0, length + 1);
    while end - found > 1 {
        let middle = found.midpoint(end);
        let entry = entry(table, id, middle).await?;
        if entry.is_some_and(|entry| entry.envelope.timestamp <= moment) { found = middle } else { end = middle }
    }
    if found == 0 { Ok(None) } else { up_to(table, id, found).await }
}

/// Replays the first `last` events of an order, from the last snapshot among them.
async fn up_to(table: &Table, id: OrderId, last: u64) -> Result<Option<Order>, StoreError> {
    const PAGE: usize = 80; // a snapshot, and as many events as can be between two of them
    let mut replayed: Vec<Entry> = Vec::new();
    let mut before = last + 1;
    loop {
        let (entries, more) = query(table, id, Some(before), true, PAGE).await?;
        for mut entry in entries {
            before = entry.envelope.sequence;
            if let Some(mut order) = entry.snapshot.take() {
                replayed.iter().rev().for_each(|later| order.apply(&later.envelope.event, later.envelope.timestamp));
                return Ok(Some(order));
            }
            replayed.push(entry);
        }
        if !more {
            let events = replayed.iter().rev().map(|entry| (&entry.envelope.event, entry.envelope.timestamp));
            return Ok(Order::replay(events));
        }
    }
}

/// Returns the order whose first event is the item `first`.
pub fn order_of(first: &Item) -> Option<OrderId> {
    first.get("pk")?.as_s().ok()?.strip_prefix("ORDER#")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sort_keys_are_stable() {
        assert_eq!([1, 42, 999_999].map(sk), ["EVENT#000001", "EVENT#000042", "EVENT#999999"]);
        assert_eq!([1_000_000, u64::MAX].map(sk), ["EVENT#~1000000", "EVENT#~~~~~~~~~~~~~~18446744073709551615"]);
    }

    proptest! {
        #[test]
        fn sort_keys_sort_like_numbers(a in any::<u64>(), shift in 0_u32..64, b in any::<u64>(), other in 0_u32..64) {
            let (a, b) = (a >> shift, b >> other);
            prop_assert_eq!(sk(a).cmp(&sk(b)), a.cmp(&b));
        }
    }
}
