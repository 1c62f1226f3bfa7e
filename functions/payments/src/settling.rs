//! Refunds that have not gone yet: the provider was away, or the function died that asked it.

use std::time::{Duration, Instant};

use contracts::Cause;
use futures::{StreamExt, stream};
use kernel::Timestamp;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use crate::{Payments, PaymentsError, domain::Refusal};

/// What the schedule sends: nothing that is looked at.
#[derive(Debug, Deserialize)]
pub struct Tick {}

/// What was done.
#[derive(Debug, Default, Serialize)]
pub struct Settled {
    /// Payments all of whose refunds have gone.
    pub settled: usize,
    /// Payments of which a refund cannot go: a case for a person.
    pub refused: usize,
    /// Payments that have to wait for the provider.
    pub waiting: usize,
}

/// The most payments that one run looks at.
const MOST: usize = 1_000;

/// How many payments are dealt with at the same moment.
const AT_ONCE: usize = 8;

/// After so long the rest is left to the next run.
const LONGEST_RUN: Duration = Duration::from_secs(40);

/// How many seconds a refund may take before somebody should look at it.
const OVERDUE_SECONDS: i64 = 3_600;

/// Asks the provider again for the refunds that have not gone yet.
///
/// # Errors
/// When the store does not answer, a refund is waiting for longer than an hour, or one that was promised cannot go: a person should look.
/// The others were dealt with.
pub async fn settle_refunds(payments: &Payments, _: Tick) -> Result<Settled, lambda::Error> {
    let (begun, mut done, mut overdue) = (Instant::now(), Settled::default(), 0);
    let mut unsettled = payments.store.unsettled(MOST).await?;
    // So that some that always take long do not keep the others from their turn.
    unsettled.shuffle(&mut rand::rng());
    let asks = stream::iter(unsettled).map(async |entry| {
        let is_late = begun.elapsed() > LONGEST_RUN;
        let settled = if is_late { None } else { Some(payments.settle(&entry.due, &Cause::own()).await) };
        (entry, settled)
    });
    for (entry, settled) in asks.buffer_unordered(AT_ONCE).collect::<Vec<_>>().await {
        let order_id = entry.due.order_id;
        match settled {
            Some(Ok(())) => done.settled += 1,
            Some(Err(PaymentsError::Refused(Refusal::RefundRefused(reason), _))) => {
                tracing::error!(%order_id, reason, "a refund that was promised cannot go");
                done.refused += 1;
            }
            waits => {
                if let Some(Err(error)) = waits {
                    tracing::warn!(%error, %order_id, "a refund has not gone yet");
                }
                done.waiting += 1;
                overdue += usize::from(Timestamp::now() > entry.since.plus_seconds(OVERDUE_SECONDS));
            }
        }
    }
    if overdue + done.refused > 0 {
        return Err(format!("{overdue} refunds wait for more than an hour, {} cannot go", done.refused).into());
    }
    Ok(done)
}
