//! Once a minute: puts back what is set aside for too long.

use std::time::{Duration, Instant};

use contracts::Cause;
use kernel::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Inventory;

/// What the schedule says; nothing of it is of interest.
#[derive(Debug, Deserialize)]
pub struct Tick {}

/// What was done.
#[derive(Debug, Default, Serialize)]
pub struct Swept {
    /// Orders whose pieces are for sale again.
    expired: usize,
    /// Orders whose pieces could not be put back this time.
    failed: usize,
}

/// How many orders are looked up at once, in each shard.
const BATCH: usize = 100;

/// After so long the rest is left to the next run.
const LONGEST_RUN: Duration = Duration::from_secs(40);

/// Puts back what is set aside for longer than it may be.
///
/// # Errors
/// When the store does not answer, or an order's pieces could not be put back: the others were.
pub async fn sweep(inventory: &Inventory, _: Tick) -> Result<Swept, lambda::Error> {
    let (started, mut swept) = (Instant::now(), Swept::default());
    loop {
        let now = Timestamp::now();
        let overdue = inventory.store.overdue(now, BATCH).await?;
        let before = swept.expired;
        for id in overdue {
            match inventory.expire(id, now, &Cause::own()).await {
                Ok(true) => {
                    tracing::info!(order_id = %id, "a reservation has expired");
                    swept.expired += 1;
                }
                Ok(false) => {}
                Err(error) => {
                    tracing::error!(order_id = %id, %error, "a reservation could not be put back");
                    swept.failed += 1;
                }
            }
        }
        // The index is a moment behind: it may list once more what was just put back, but not for long.
        if swept.expired == before || swept.failed > 0 || started.elapsed() > LONGEST_RUN {
            break;
        }
    }
    tracing::info!(expired = swept.expired, failed = swept.failed, "swept");
    if swept.failed > 0 {
        return Err(format!("{} reservations could not be put back", swept.failed).into());
    }
    Ok(swept)
}
