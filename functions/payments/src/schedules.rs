//! Retries pending refunds: the provider was unavailable, or the function that asked it died.

use std::time::{Duration, Instant};

use contracts::Cause;
use futures::{StreamExt, stream};
use kernel::Timestamp;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use crate::{Payments, PaymentsError, domain::Refusal};

/// The event of the schedule; its fields are ignored.
#[derive(Debug, Deserialize)]
pub struct ScheduledEvent {}

/// The result of a run, in numbers of payments.
#[derive(Debug, Default, Serialize)]
pub struct SettleReport {
    /// Payments without pending refunds now.
    pub settled: usize,
    /// Payments with a refund that the provider refuses for good: an operator has to look at them.
    pub refused: usize,
    /// Payments whose refunds are still pending.
    pub waiting: usize,
}

/// The maximum number of payments in one run.
const MAX_PAYMENTS: usize = 1_000;

/// How many payments are settled at the same time.
const CONCURRENCY: usize = 8;

/// The duration after which a run leaves the rest to the next one.
const MAX_DURATION: Duration = Duration::from_secs(40);

/// The number of seconds after which a pending refund needs an operator.
const OVERDUE_SECONDS: i64 = 3_600;

/// Asks the provider again for all pending refunds.
///
/// # Errors
/// If the table does not respond, a refund has been pending for more than an hour, or the provider refuses a refund for
/// good. In the last two cases, all other payments of the run are settled nevertheless.
pub async fn settle_refunds(payments: &Payments, _: ScheduledEvent) -> Result<SettleReport, lambda::Error> {
    let (started, mut report, mut overdue) = (Instant::now(), SettleReport::default(), 0);
    let mut unsettled = payments.store.unsettled(MAX_PAYMENTS).await?;
    // In a fixed order, payments that always take long could use up each run before the others.
    unsettled.shuffle(&mut rand::rng());
    let settlements = stream::iter(unsettled).map(async |entry| {
        let is_late = started.elapsed() > MAX_DURATION;
        let settled = if is_late { None } else { Some(payments.settle(&entry.due, &Cause::own()).await) };
        (entry, settled)
    });
    for (entry, settled) in settlements.buffer_unordered(CONCURRENCY).collect::<Vec<_>>().await {
        let order_id = entry.due.order_id;
        match settled {
            Some(Ok(())) => report.settled += 1,
            Some(Err(PaymentsError::Refused(Refusal::RefundRefused(reason), _))) => {
                tracing::error!(%order_id, reason, "the provider refuses a pending refund");
                report.refused += 1;
            }
            waiting => {
                if let Some(Err(error)) = waiting {
                    tracing::warn!(%error, %order_id, "a refund is still pending");
                }
                report.waiting += 1;
                overdue += usize::from(Timestamp::now() > entry.since.plus_seconds(OVERDUE_SECONDS));
            }
        }
    }
    if overdue + report.refused > 0 {
        return Err(
            format!("payments with overdue refunds: {overdue}, with refused refunds: {}", report.refused).into()
        );
    }
    Ok(report)
}
