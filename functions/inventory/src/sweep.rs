//! Once a minute: asks about what is set aside for too long.

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
    /// Orders that were asked about.
    pub asked: usize,
    /// Orders that could not be asked about this time, or of which nothing becomes however often that is done.
    pub failed: usize,
}

/// How many orders are looked up at once, in each shard.
const BATCH: usize = 100;

/// After so long the rest is left to the next run.
const LONGEST_RUN: Duration = Duration::from_secs(40);

/// An order about which it was asked so often in vain is a case for a person.
const IN_VAIN: u32 = 4;

/// Asks about every order for which something is set aside for longer than it may be.
///
/// # Errors
/// When the store does not answer, or an order is a case for a person: the others were asked about.
pub async fn sweep(inventory: &Inventory, _: Tick) -> Result<Swept, lambda::Error> {
    let (started, now, mut swept) = (Instant::now(), Timestamp::now(), Swept::default());
    let overdue = inventory.store.overdue(now, BATCH).await?;
    let found = overdue.len();
    for id in overdue {
        if started.elapsed() > LONGEST_RUN {
            break;
        }
        match inventory.expire(id, now, &Cause::own()).await {
            Ok(Some(asked)) => {
                tracing::info!(order_id = %id, asked, "a reservation has expired");
                swept.asked += 1;
                if asked >= IN_VAIN {
                    tracing::error!(order_id = %id, asked, "nothing becomes of a reservation that has expired");
                    swept.failed += 1;
                }
            }
            // Somebody was faster, or the index is a moment behind.
            Ok(None) => {}
            Err(error) => {
                tracing::error!(order_id = %id, %error, "a reservation could not be asked about");
                swept.failed += 1;
            }
        }
    }
    tracing::info!(found, asked = swept.asked, failed = swept.failed, "swept");
    if swept.failed > 0 {
        return Err(format!("{} reservations are not settled", swept.failed).into());
    }
    Ok(swept)
}
