//! What analytics hears.

use contracts::Event;
use dynamo::StoreError;
use lambda::batch::Delivery;

use crate::rollups::{
    Rollups,
    facts::{Counted, Telling},
};

/// Counts the events of a batch, each once. Where that fails all come again, and those that were counted add nothing.
pub async fn count<E: Event + Telling>(rollups: &Rollups, batch: Vec<Delivery<E>>) -> Result<(), StoreError> {
    let events: Vec<Counted> = batch.iter().map(|delivery| Counted::from(&delivery.envelope)).collect();
    rollups.count(&events).await.map(drop)
}
