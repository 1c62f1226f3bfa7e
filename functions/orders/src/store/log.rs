//! The log of an order: its events, who did each and why, and from time to time what they have made of the order.

use contracts::{Envelope, Event, OrderEvent};
use dynamo::{Item, Key, Query, StoreError, Table, Write, event_item, item};
use kernel::{OrderId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::{Actor, Order};

use super::Change;

/// After so many events the log says what the order has become, so that nobody replays more than these and an append's.
pub const SNAPSHOT_EVERY: u64 = 64;

/// Another number than before makes what was said so far of orders unreadable: it is replayed from the events then.
const SNAPSHOT_VERSION: u32 = 1;

/// One entry of a log.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What happened.
    pub envelope: Envelope<OrderEvent>,
    /// Who did it; not known of what happened before it was kept.
    pub by: Option<Actor>,
    /// Why, in their words.
    pub reason: Option<String>,
    snapshot: Option<Order>,
}

#[derive(Deserialize)]
struct Stored {
    envelope: String,
    #[serde(flatten)]
    beside: Beside,
}

/// What stands beside the envelope, which is for everybody.
#[derive(Serialize, Deserialize)]
struct Beside {
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
    /// An order of this version, which one of another version need not be.
    order: serde_json::Value,
}

pub fn pk(id: OrderId) -> String {
    format!("ORDER#{id}")
}

/// Sorts as the number does: each digit beyond six is announced by a `~`, which comes behind all digits.
pub fn sk(sequence: u64) -> String {
    let digits = sequence.checked_ilog10().unwrap_or_default() as usize + 1;
    format!("EVENT#{}{sequence:06}", "~".repeat(digits.saturating_sub(6)))
}

fn key(id: OrderId, sequence: u64) -> Key {
    Key::new(pk(id), sk(sequence))
}

/// The events of `change`, each in its place of the log, on the condition that the place is free.
pub fn writes(change: Change<'_>) -> Result<Vec<Write>, StoreError> {
    let Change { order, events, act, .. } = change;
    let first = order.sequence - events.len() as u64 + 1;
    let is_due = order.sequence / SNAPSHOT_EVERY > (first - 1) / SNAPSHOT_EVERY;
    let entry = |(event, sequence): (OrderEvent, u64)| {
        let envelope = Envelope::new(event, order.id, sequence, order.updated_at, &act.cause);
        let is_last = sequence == order.sequence;
        let snapshot = (is_due && is_last).then(|| snapshot(order)).transpose()?;
        let beside = Beside { actor: Some(act.by.clone()), reason: act.reason.clone(), snapshot };
        let key = key(order.id, sequence);
        let mut entry = event_item(&key, &envelope)?;
        entry.extend(item(&key, &beside)?);
        Ok(Write::put(entry).if_absent())
    };
    events.into_iter().zip(first..).map(entry).collect()
}

fn snapshot(order: &Order) -> Result<String, StoreError> {
    let said = serde_json::to_value(order)
        .and_then(|order| serde_json::to_string(&Snapshot { version: SNAPSHOT_VERSION, order }));
    said.map_err(|error| StoreError::unreadable(OrderEvent::SOURCE, error))
}

impl Entry {
    fn read(stored: Stored) -> Result<Self, StoreError> {
        // An event that this build cannot read must not be left out of an order: that is an error, not a gap.
        let unknown = || StoreError::unreadable(OrderEvent::SOURCE, "an event of an unknown type");
        let envelope = Envelope::read(&stored.envelope);
        let envelope = envelope.map_err(|error| StoreError::unreadable(OrderEvent::SOURCE, error))?;
        let snapshot = stored.beside.snapshot.and_then(|said| serde_json::from_str::<Snapshot>(&said).ok());
        let snapshot = snapshot.filter(|snapshot| snapshot.version == SNAPSHOT_VERSION);
        Ok(Self {
            envelope: envelope.ok_or_else(unknown)?,
            by: stored.beside.actor,
            reason: stored.beside.reason,
            snapshot: snapshot.and_then(|snapshot| serde_json::from_value(snapshot.order).ok()),
        })
    }
}

/// The order that all events in `table` have made; nothing, if there are none.
pub async fn replay(table: &Table, id: OrderId) -> Result<Option<Order>, StoreError> {
    let (entries, _) = page(table, id, 0, usize::MAX).await?;
    Ok(Order::replay(entries.iter().map(|entry| (&entry.envelope.event, entry.envelope.timestamp))))
}

/// Up to `limit` entries behind `after`, and whether there are more.
pub async fn page(table: &Table, id: OrderId, after: u64, limit: usize) -> Result<(Vec<Entry>, bool), StoreError> {
    query(table, id, Some(after).filter(|after| *after > 0), false, limit).await
}

/// The last entries, the last first.
pub async fn latest(table: &Table, id: OrderId, limit: usize) -> Result<(Vec<Entry>, bool), StoreError> {
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

/// The first event of an order: it says whose it is.
pub async fn first(table: &Table, id: OrderId) -> Result<Option<Envelope<OrderEvent>>, StoreError> {
    Ok(entry(table, id, 1).await?.map(|entry| entry.envelope))
}

/// The order as it stood at `moment`; nothing, if it was not placed yet. It has `length` events by now.
///
/// Time does not go back within a log, so the last event of a moment is found by halving, and no more than what came after the last
/// snapshot is replayed.
pub async fn at(table: &Table, id: OrderId, length: u64, moment: Timestamp) -> Result<Option<Order>, StoreError> {
    let (mut before, mut behind) = (0, length + 1);
    while behind - before > 1 {
        let middle = before.midpoint(behind);
        let entry = entry(table, id, middle).await?;
        if entry.is_some_and(|entry| entry.envelope.timestamp <= moment) { before = middle } else { behind = middle }
    }
    if before == 0 { Ok(None) } else { up_to(table, id, before).await }
}

/// The order that the first `last` events have made, from the last snapshot among them.
async fn up_to(table: &Table, id: OrderId, last: u64) -> Result<Option<Order>, StoreError> {
    const PAGE: usize = 80; // a snapshot, and what an append may leave between two of them
    let mut replayed: Vec<Entry> = Vec::new();
    let mut behind = last + 1;
    loop {
        let (entries, more) = query(table, id, Some(behind), true, PAGE).await?;
        for mut entry in entries {
            behind = entry.envelope.sequence;
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

/// The order whose log begins with the item `first`.
pub fn order_of(first: &Item) -> Option<OrderId> {
    first.get("pk")?.as_s().ok()?.strip_prefix("ORDER#")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_places_of_a_log_are_named_as_they_always_were() {
        assert_eq!([1, 42, 999_999].map(sk), ["EVENT#000001", "EVENT#000042", "EVENT#999999"]);
        assert_eq!([1_000_000, u64::MAX].map(sk), ["EVENT#~1000000", "EVENT#~~~~~~~~~~~~~~18446744073709551615"]);
    }

    proptest! {
        #[test]
        fn they_sort_as_their_numbers_do(a in any::<u64>(), shift in 0_u32..64, b in any::<u64>(), other in 0_u32..64) {
            let (a, b) = (a >> shift, b >> other);
            prop_assert_eq!(sk(a).cmp(&sk(b)), a.cmp(&b));
        }
    }
}
