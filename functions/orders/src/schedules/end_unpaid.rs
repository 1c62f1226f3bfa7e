use std::time::Instant;

use contracts::Cause;
use futures::{StreamExt, stream};
use kernel::Timestamp;
use lambda::env;
use serde::Serialize;

use super::{MAX_CONCURRENCY, MAX_RUN_TIME, ScheduledEvent};
use crate::{
    Orders,
    domain::Actor,
    store::{AuditContext, SHARDS},
};

/// How long an order may be unpaid, in seconds.
#[derive(Debug, Clone, Copy)]
pub struct UnpaidTimeout(i64);

/// The result of one run.
#[derive(Debug, Default, Serialize)]
pub struct Ended {
    /// How many orders were cancelled.
    pub ended: usize,
    /// How many orders could not be cancelled in this run.
    pub failed: usize,
}

impl UnpaidTimeout {
    /// Reads the parameter of the template.
    ///
    /// # Errors
    /// If the template did not set the variable, or not to a number.
    pub fn from_env() -> Result<Self, lambda::Error> {
        let minutes: i64 = env("UNPAID_MINUTES")?.parse()?;
        Ok(Self(minutes * 60))
    }
}

/// Cancels orders that are unpaid for too long, the oldest first: the customer did not return, or the checkout died. A
/// deferred checkout waits for the provider instead, until its reservation expires.
///
/// # Errors
/// If the table does not respond, or if an order could not be cancelled; the others were.
pub async fn end_unpaid(
    (orders, unpaid_timeout): &(Orders, UnpaidTimeout),
    _: ScheduledEvent,
) -> Result<Ended, lambda::Error> {
    let (started, now, UnpaidTimeout(seconds)) = (Instant::now(), Timestamp::now(), *unpaid_timeout);
    let audit = AuditContext { actor: Actor::system("end-unpaid"), reason: None, now, cause: Cause::own() };
    let mut done = Ended::default();
    for shard in 0..SHARDS {
        let mut after = None;
        loop {
            let (pending, more) = orders.store.pending_orders(shard, after).await?;
            after = pending.last().map(|last| last.id);
            // They are sorted by the time of placement, so there are no more overdue orders after one that is not
            // overdue.
            let has_more = pending.last().is_some_and(|last| last.placed_at.plus_seconds(seconds) <= now) && more;
            let unpaid = pending.into_iter().filter(|order| order.unpaid(now, seconds).is_some());
            let ended =
                stream::iter(unpaid).map(async |order| (order.id, orders.end_unpaid(order.id, seconds, &audit).await));
            let ended: Vec<_> = ended.buffer_unordered(MAX_CONCURRENCY).collect().await;
            for (order_id, outcome) in ended {
                match outcome {
                    Ok(true) => done.ended += 1,
                    // Its checkout is deferred, it was paid in the meantime, or the index lags behind.
                    Ok(false) => {}
                    Err(error) => {
                        tracing::error!(%order_id, %error, "an unpaid order could not be cancelled");
                        done.failed += 1;
                    }
                }
            }
            if !has_more || started.elapsed() > MAX_RUN_TIME {
                break;
            }
        }
    }
    tracing::info!(ended = done.ended, failed = done.failed, "cancelled unpaid orders");
    if done.failed > 0 {
        return Err(format!("{} unpaid orders could not be cancelled", done.failed).into());
    }
    Ok(done)
}
