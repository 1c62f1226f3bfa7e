//! Tells of stock that changed: what the table's stream says of counters and reservations, as events.
//!
//! They themselves are the outbox: who sets aside or sells writes nothing more for it. An event of stock tells of all counters of
//! a product as they are when it is made; of many changes at the same moment there is one event, with the last state. A reservation is told
//! when its last part is new.

use std::collections::BTreeSet;

use contracts::{Cause, Envelope, InventoryEvent, StockChanged, StockLevel, StockRanLow};
use dynamo::StoreError;
use kernel::{EventId, ProductId, Timestamp};
use lambda::outbox::Streamed;

use crate::{
    Inventory,
    domain::Stock,
    store::{Told, product_of},
};

/// What is to be told of the reservations and of the products whose counters changed. Of the same state it makes the same event ids.
///
/// That another level is about to be told is remembered before it is: should this die on the way, the next one to tell of the product
/// knows that somebody may have heard of that level, and somebody not.
///
/// # Errors
/// When the store does not answer.
pub async fn tell(inventory: &Inventory, changed: &[Streamed]) -> Result<Vec<Envelope<InventoryEvent>>, StoreError> {
    let mut events = Vec::new();
    for change in changed {
        events.extend(inventory.store.reserved(change).await?);
    }
    let products: BTreeSet<ProductId> = changed.iter().filter_map(|change| product_of(&change.key)).collect();
    for id in products {
        let Some((stock, told)) = inventory.store.stock_and_told(id).await? else { continue };
        // A product that nothing was told of has just been made: there is none of it.
        let told = told.unwrap_or(Told { level: StockLevel::SoldOut, telling: None, sequence: 0 });
        let level = stock.level(inventory.terms.low_stock);
        if told.telling.is_some() || level != told.level {
            let telling = Told { telling: Some(level), sequence: stock.sequence(), ..told };
            inventory.store.remember(id, &telling).await?;
        }
        events.extend(events_of(&stock, told, inventory.terms.low_stock));
    }
    Ok(events)
}

/// Remembers the levels that were told.
///
/// # Errors
/// When the store does not answer.
pub async fn remember(inventory: &Inventory, told: &[Envelope<InventoryEvent>]) -> Result<(), StoreError> {
    for envelope in told {
        if let InventoryEvent::StockChanged(StockChanged { product_id, level, level_changed: true, .. }) =
            envelope.event
        {
            let told = Told { level, telling: None, sequence: envelope.sequence };
            inventory.store.remember(product_id, &told).await?;
        }
    }
    Ok(())
}

fn events_of(stock: &Stock, told: Told, threshold: i64) -> Vec<Envelope<InventoryEvent>> {
    let (product_id, available, level) = (stock.product_id, stock.available(), stock.level(threshold));
    let (reserved, on_hand) = (stock.reserved(), stock.on_hand());
    let level_changed = told.telling.is_some() || level != told.level;
    let changed = StockChanged { product_id, available, reserved, on_hand, level, level_changed };
    let mut events = vec![InventoryEvent::from(changed)];
    if told.level == StockLevel::InStock && available < threshold {
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

    fn told(available: i64, level: StockLevel) -> Vec<(&'static str, bool)> {
        told_since(available, Told { level, telling: None, sequence: 1 })
    }

    fn told_since(available: i64, before: Told) -> Vec<(&'static str, bool)> {
        let counter = |split, available, version| Counter { split, available, on_hand: available, version, changes: 0 };
        let counters = vec![counter(0, available, 3), counter(1, 0, 4)];
        let stock = Stock { product_id: ProductId::derived("test", "mug"), counters };
        let first = events_of(&stock, before, 5);
        let again = events_of(&stock, before, 5);
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
    fn a_level_is_told_when_it_changes() {
        assert_eq!(told(9, StockLevel::InStock), [("changed", false)]);
        assert_eq!(told(5, StockLevel::InStock), [("changed", false)]);
        assert_eq!(told(4, StockLevel::InStock), [("changed", true), ("ran low", true)]);
        assert_eq!(told(0, StockLevel::InStock), [("changed", true), ("ran low", true)]);
        assert_eq!(told(0, StockLevel::Low), [("changed", true)]);
        assert_eq!(told(3, StockLevel::Low), [("changed", false)]);
        assert_eq!(told(3, StockLevel::SoldOut), [("changed", true)]);
        assert_eq!(told(9, StockLevel::SoldOut), [("changed", true)]);
    }

    #[test]
    fn a_level_that_may_have_been_told_is_told_or_taken_back() {
        let died_telling = |telling| Told { level: StockLevel::InStock, telling: Some(telling), sequence: 1 };
        assert_eq!(told_since(9, died_telling(StockLevel::Low)), [("changed", true)]);
        assert_eq!(told_since(3, died_telling(StockLevel::Low)), [("changed", true), ("ran low", true)]);
    }

    #[test]
    fn of_what_may_run_out_nothing_is_told_when_it_does() {
        let none = Stock { product_id: ProductId::derived("test", "mug"), counters: Vec::new() };
        let told = Told { level: StockLevel::InStock, telling: None, sequence: 1 };
        assert_eq!(events_of(&none, told, 0).len(), 1);
    }
}
