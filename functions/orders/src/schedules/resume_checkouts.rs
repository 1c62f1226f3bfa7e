use std::time::Instant;

use futures::{StreamExt, stream};
use kernel::Timestamp;
use serde::Serialize;

use super::{MAX_CONCURRENCY, MAX_RUN_TIME, ScheduledEvent};
use crate::Orders;

/// The result of one run.
#[derive(Debug, Default, Serialize)]
pub struct Resumed {
    /// How many checkouts were started again.
    pub started: usize,
    /// How many were not, because their orders are no longer pending.
    pub over: usize,
    /// How many could not be started in this run.
    pub failed: usize,
}

/// Starts the deferred checkouts that are due again, the oldest first.
///
/// # Errors
/// If the table does not respond, or if a checkout could not be started; the others were.
pub async fn resume_checkouts(orders: &Orders, _: ScheduledEvent) -> Result<Resumed, lambda::Error> {
    let (run_started, now, mut resumed) = (Instant::now(), Timestamp::now(), Resumed::default());
    let mut last = None;
    loop {
        let (due, more) = orders.store.due_checkouts(now, last.as_ref()).await?;
        last = due.last().cloned();
        let tried = stream::iter(due).map(async |deferred| (deferred.order_id, orders.resume(&deferred, now).await));
        let tried: Vec<_> = tried.buffer_unordered(MAX_CONCURRENCY).collect().await;
        for (order_id, outcome) in tried {
            match outcome {
                Ok(true) => resumed.started += 1,
                Ok(false) => resumed.over += 1,
                Err(error) => {
                    tracing::error!(%order_id, %error, "a deferred checkout could not be started again");
                    resumed.failed += 1;
                }
            }
        }
        if !more || run_started.elapsed() > MAX_RUN_TIME {
            break;
        }
    }
    let Resumed { started, over, failed } = resumed;
    tracing::info!(started, over, failed, "resumed deferred checkouts");
    if failed > 0 {
        return Err(format!("{failed} deferred checkouts could not be started again").into());
    }
    Ok(resumed)
}
