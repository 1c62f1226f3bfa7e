use std::time::Instant;

use futures::{StreamExt, stream};
use kernel::Timestamp;
use serde::Serialize;

use super::{AT_ONCE, LONGEST_RUN, Tick};
use crate::Orders;

/// What was done.
#[derive(Debug, Default, Serialize)]
pub struct Resumed {
    /// Checkouts that were started over.
    pub started: usize,
    /// Those that need not be: their orders have ended or are paid.
    pub over: usize,
    /// Those that could not be started over this time.
    pub failed: usize,
}

/// Starts every deferred checkout over that is due, the oldest first.
///
/// # Errors
/// When the store does not answer, or a checkout could not be started over: the others were.
pub async fn resume_checkouts(orders: &Orders, _: Tick) -> Result<Resumed, lambda::Error> {
    let (begun, now, mut resumed) = (Instant::now(), Timestamp::now(), Resumed::default());
    let mut last = None;
    loop {
        let (due, more) = orders.store.due(now, last.as_ref()).await?;
        last = due.last().cloned();
        let tried = stream::iter(due).map(async |deferred| (deferred.order_id, orders.resume(&deferred, now).await));
        let tried: Vec<_> = tried.buffer_unordered(AT_ONCE).collect().await;
        for (order_id, outcome) in tried {
            match outcome {
                Ok(true) => resumed.started += 1,
                Ok(false) => resumed.over += 1,
                Err(error) => {
                    tracing::error!(%order_id, %error, "a deferred checkout could not be started over");
                    resumed.failed += 1;
                }
            }
        }
        if !more || begun.elapsed() > LONGEST_RUN {
            break;
        }
    }
    let Resumed { started, over, failed } = resumed;
    tracing::info!(started, over, failed, "resumed");
    if failed > 0 {
        return Err(format!("{failed} deferred checkouts could not be started over").into());
    }
    Ok(resumed)
}
