use std::time::Instant;

use contracts::Cause;
use futures::{StreamExt, stream};
use kernel::Timestamp;
use lambda::env;
use serde::Serialize;

use super::{AT_ONCE, LONGEST_RUN, Tick};
use crate::{
    Orders,
    domain::Actor,
    store::{Act, SHARDS},
};

/// How long an order may wait to be paid, in seconds.
#[derive(Debug, Clone, Copy)]
pub struct Patience(i64);

/// What was done.
#[derive(Debug, Default, Serialize)]
pub struct Ended {
    /// Orders that were ended.
    pub ended: usize,
    /// Those that could not be ended this time.
    pub failed: usize,
}

impl Patience {
    /// As the template's parameter says.
    ///
    /// # Errors
    /// When the template did not set the variable, or not to a number.
    pub fn from_env() -> Result<Self, lambda::Error> {
        let minutes: i64 = env("UNPAID_MINUTES")?.parse()?;
        Ok(Self(minutes * 60))
    }
}

/// Ends every order that nobody has paid for too long, the oldest first: its customer did not come back, or its checkout died. One whose
/// checkout is deferred waits for the provider; that ends with its reservation.
///
/// # Errors
/// When the store does not answer, or an order could not be ended: the others were.
pub async fn end_unpaid((orders, patience): &(Orders, Patience), _: Tick) -> Result<Ended, lambda::Error> {
    let (begun, now, Patience(seconds)) = (Instant::now(), Timestamp::now(), *patience);
    let act = Act { by: Actor::system("end-unpaid"), reason: None, now, cause: Cause::own() };
    let mut done = Ended::default();
    for shard in 0..SHARDS {
        let mut after = None;
        loop {
            let (pending, more) = orders.store.pending(shard, after).await?;
            after = pending.last().map(|last| last.id);
            // They come in the order of their placement: behind one that was just placed there are none that wait for too long.
            let are_left = pending.last().is_some_and(|last| last.placed_at.plus_seconds(seconds) <= now) && more;
            let unpaid = pending.into_iter().filter(|order| order.unpaid(now, seconds).is_some());
            let ended =
                stream::iter(unpaid).map(async |order| (order.id, orders.end_unpaid(order.id, seconds, &act).await));
            let ended: Vec<_> = ended.buffer_unordered(AT_ONCE).collect().await;
            for (order_id, outcome) in ended {
                match outcome {
                    Ok(true) => done.ended += 1,
                    // It is deferred, somebody was faster, or the index is a moment behind.
                    Ok(false) => {}
                    Err(error) => {
                        tracing::error!(%order_id, %error, "an order that nobody paid could not be ended");
                        done.failed += 1;
                    }
                }
            }
            if !are_left || begun.elapsed() > LONGEST_RUN {
                break;
            }
        }
    }
    tracing::info!(ended = done.ended, failed = done.failed, "ended what nobody paid");
    if done.failed > 0 {
        return Err(format!("{} orders that nobody paid could not be ended", done.failed).into());
    }
    Ok(done)
}
