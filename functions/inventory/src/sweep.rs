//! Reports expired reservations, once a minute.

use std::time::{Duration, Instant};

use contracts::Cause;
use kernel::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Inventory;

/// The input from the schedule. None of its fields is used.
#[derive(Debug, Deserialize)]
pub struct ScheduledEvent {}

/// The result of a sweep.
#[derive(Debug, Default, Serialize)]
pub struct SweepReport {
    /// Orders for which `ReservationExpired` was published.
    pub asked: usize,
    /// Orders whose reservations could not be reported this time, or were reported so often that an operator has to
    /// look.
    pub failed: usize,
}

/// How many orders are read from each shard in one run.
const BATCH_SIZE: usize = 100;

/// After this time, the remaining orders are left to the next run.
const MAX_RUN: Duration = Duration::from_secs(40);

/// After this many reports of an order without effect, the run fails so that an operator looks at it.
const ALERT_AFTER: u32 = 4;

/// Publishes `ReservationExpired` for every order whose reservation has expired.
///
/// # Errors
/// If the table does not respond, or an order has to be looked at by an operator. All other orders were handled
/// nevertheless.
pub async fn sweep(inventory: &Inventory, _: ScheduledEvent) -> Result<SweepReport, lambda::Error> {
    let (started, now, mut report) = (Instant::now(), Timestamp::now(), SweepReport::default());
    let overdue = inventory.store.overdue(now, BATCH_SIZE).await?;
    let found = overdue.len();
    for id in overdue {
        if started.elapsed() > MAX_RUN {
            break;
        }
        match inventory.expire(id, now, &Cause::own()).await {
            Ok(Some(asked)) => {
                tracing::info!(order_id = %id, asked, "a reservation has expired");
                report.asked += 1;
                if asked >= ALERT_AFTER {
                    tracing::error!(order_id = %id, asked, "an expired reservation was reported without effect");
                    report.failed += 1;
                }
            }
            // Another run was faster, or the index is not up to date.
            Ok(None) => {}
            Err(error) => {
                tracing::error!(order_id = %id, %error, "an expired reservation could not be reported");
                report.failed += 1;
            }
        }
    }
    tracing::info!(found, asked = report.asked, failed = report.failed, "expired reservations were reported");
    if report.failed > 0 {
        return Err(format!("{} expired reservations could not be settled", report.failed).into());
    }
    Ok(report)
}
