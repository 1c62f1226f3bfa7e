//! The consumers that count events.

use contracts::Event;
use dynamo::StoreError;
use lambda::batch::Delivery;

use crate::rollups::{
    Rollups,
    facts::{Countable, CountedEvent},
};

/// Counts the events of a batch, each once. If this fails, the whole batch is delivered again; the events that were
/// counted already add nothing then.
pub async fn count<E: Event + Countable>(rollups: &Rollups, batch: Vec<Delivery<E>>) -> Result<(), StoreError> {
    let events: Vec<CountedEvent> = batch.iter().map(|delivery| CountedEvent::from(&delivery.envelope)).collect();
    rollups.count(&events).await.map(drop)
}
