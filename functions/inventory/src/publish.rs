//! Derives the events of stock that changed from counters and reservations in the table's stream.
//!
//! The counters and reservations are their own outbox, so that a reservation writes no further item. A `StockChanged`
//! event has the sum of all counters of a product as they are when it is made; of many changes at the same moment there
//! is one event, with the last state. `StockReserved` is published when the last part of a reservation is new.

use std::collections::BTreeSet;

use contracts::{Cause, Envelope, InventoryEvent, StockChanged, StockLevel, StockRanLow};
use dynamo::StoreError;
use kernel::{EventId, ProductId, Timestamp};
use lambda::outbox::ChangedItem;

use crate::{
    Inventory,
    domain::Stock,
    store::{PublishedLevel, product_of},
};

/// Returns the events of reservations and of products whose counters changed. The same state yields the same event ids.
///
/// A new level is recorded as pending before it is published. If the function dies in between, the next publisher of
/// the product knows that some consumers may have received that level and others not.
///
/// # Errors
/// If the table does not respond.
pub async fn events_of(
    inventory: &Inventory,
    changed: &[ChangedItem],
) -> Result<Vec<Envelope<InventoryEvent>>, StoreError> {
    let mut events = Vec::new();
    for change in changed {
        events.extend(inventory.store.stock_reserved(change).await?);
    }
    let products: BTreeSet<ProductId> = changed.iter().filter_map(|change| product_of(&change.key)).collect();
    for id in products {
        let Some((stock, published)) = inventory.store.stock_and_published_level(id).await? else { continue };
        // A product without a published level is new and was without stock until now.
        let published = published.unwrap_or(PublishedLevel { level: StockLevel::SoldOut, pending: None, sequence: 0 });
        let level = stock.level(inventory.settings.low_stock_threshold);
        if published.pending.is_some() || level != published.level {
            let pending = PublishedLevel { pending: Some(level), sequence: stock.sequence(), ..published };
            inventory.store.record_published_level(id, &pending).await?;
        }
        events.extend(stock_events(&stock, published, inventory.settings.low_stock_threshold));
    }
    Ok(events)
}

/// Records the levels that were published.
///
/// # Errors
/// If the table does not respond.
pub async fn record_published(inventory: &Inventory, published: &[Envelope<InventoryEvent>]) -> Result<(), StoreError> {
    for envelope in published {
        if let InventoryEvent::StockChanged(StockChanged { product_id, level, level_changed: true, .. }) =
            envelope.event
        {
            let level = PublishedLevel { level, pending: None, sequence: envelope.sequence };
            inventory.store.record_published_level(product_id, &level).await?;
        }
    }
    Ok(())
}

fn stock_events(stock: &Stock, published: PublishedLevel, threshold: i64) -> Vec<Envelope<InventoryEvent>> {
    let (product_id, available, level) = (stock.product_id, stock.available(), stock.level(threshold));
    let (reserved, on_hand) = (stock.reserved(), stock.on_hand());
    let level_changed = published.pending.is_some() || level != published.level;
    let changed = StockChanged { product_id, available, reserved, on_hand, level, level_changed };
    let mut events = vec![InventoryEvent::from(changed)];
    if published.level == StockLevel::InStock && available < threshold {
        events.push(StockRanLow { product_id, available, threshold }.into());
    }
    let envelope = |event: InventoryEvent| {
        let name = format!("{} {}", contracts::Event::event_type(&event), stock.sequence());
        let envelope = Envelope::new(event, product_id, stock.sequence(), Timestamp::now(), &Cause::own());
        Envelope { event_id: EventId::derived(product_id, &name), ..envelope }
    };
    events.into_iter().map(envelope).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Counter;

    /// Returns the events if `published` is the last published level.
    fn events_after_level(available: i64, published: StockLevel) -> Vec<(&'static str, bool)> {
        events_after(available, PublishedLevel { level: published, pending: None, sequence: 1 })
    }

    fn events_after(available: i64, published: PublishedLevel) -> Vec<(&'static str, bool)> {
        let counter = |split, available, version| Counter { split, available, on_hand: available, version, changes: 0 };
        let counters = vec![counter(0, available, 3), counter(1, 0, 4)];
        let stock = Stock { product_id: ProductId::derived("test", "mug"), counters };
        let first = stock_events(&stock, published, 5);
        let again = stock_events(&stock, published, 5);
        assert!(first.iter().zip(&again).all(|(first, again)| first.event_id == again.event_id));
        assert!(first.iter().all(|event| event.sequence == 7));
        let summary = |envelope: &Envelope<InventoryEvent>| match &envelope.event {
            InventoryEvent::StockChanged(changed) => ("changed", changed.level_changed),
            InventoryEvent::StockRanLow(_) => ("ran low", true),
            other => panic!("{other:?}"),
        };
        first.iter().map(summary).collect()
    }

    #[test]
    fn a_level_is_published_when_it_changes() {
        assert_eq!(events_after_level(9, StockLevel::InStock), [("changed", false)]);
        assert_eq!(events_after_level(5, StockLevel::InStock), [("changed", false)]);
        assert_eq!(events_after_level(4, StockLevel::InStock), [("changed", true), ("ran low", true)]);
        assert_eq!(events_after_level(0, StockLevel::InStock), [("changed", true), ("ran low", true)]);
        assert_eq!(events_after_level(0, StockLevel::Low), [("changed", true)]);
        assert_eq!(events_after_level(3, StockLevel::Low), [("changed", false)]);
        assert_eq!(events_after_level(3, StockLevel::SoldOut), [("changed", true)]);
        assert_eq!(events_after_level(9, StockLevel::SoldOut), [("changed", true)]);
    }

    #[test]
    fn a_pending_level_is_followed_by_a_change_of_level() {
        let interrupted = |pending| PublishedLevel { level: StockLevel::InStock, pending: Some(pending), sequence: 1 };
        assert_eq!(events_after(9, interrupted(StockLevel::Low)), [("changed", true)]);
        assert_eq!(events_after(3, interrupted(StockLevel::Low)), [("changed", true), ("ran low", true)]);
    }

    #[test]
    fn a_threshold_of_zero_never_runs_low() {
        let none = Stock { product_id: ProductId::derived("test", "mug"), counters: Vec::new() };
        let published = PublishedLevel { level: StockLevel::InStock, pending: None, sequence: 1 };
        assert_eq!(stock_events(&none, published, 0).len(), 1);
    }
}
