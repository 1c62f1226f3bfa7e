//! What analytics hears.

use contracts::{Envelope, Event};
use dynamo::StoreError;

use crate::rollups::{Rollups, facts::Telling};

/// Counts an event, once.
pub async fn count<E: Event + Telling>(rollups: &Rollups, envelope: Envelope<E>) -> Result<(), StoreError> {
    if !rollups.count(&envelope).await? {
        tracing::info!("nothing to count, or counted before");
    }
    Ok(())
}
