//! Refunds that have not gone yet: the provider was away, or the function died that asked it.

use contracts::Cause;
use kernel::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Payments, PaymentsError, store::Store};

/// How many payments one call sees to.
const AT_ONCE: usize = 100;

/// How many seconds a refund may take before somebody should look at it.
const OVERDUE_SECONDS: i64 = 3_600;

/// What the schedule sends: nothing that is looked at.
#[derive(Debug, Deserialize)]
pub struct Tick {}

/// What was done.
#[derive(Debug, Default, Serialize)]
pub struct Settled {
    /// Payments all of whose refunds have gone, or cannot go.
    pub settled: usize,
    /// Payments that have to wait for the provider.
    pub waiting: usize,
}

/// Asks the provider again for the refunds that have not gone yet. The function fails, which sets off its alarm, when one is waiting
/// for longer than an hour.
pub async fn settle_refunds(payments: &Payments, _: Tick) -> Result<Settled, PaymentsError> {
    let mut done = Settled::default();
    let (mut after, mut overdue) = (None, None);
    loop {
        let (page, more) = payments.store.unsettled(after, AT_ONCE).await?;
        for unsettled in &page {
            match payments.settle(&unsettled.due, &Cause::own()).await {
                Ok(()) => done.settled += 1,
                Err(error) => {
                    tracing::error!(%error, order_id = %unsettled.due.order_id, "a refund has not gone yet");
                    done.waiting += 1;
                    if Timestamp::now() > unsettled.since.plus_seconds(OVERDUE_SECONDS) {
                        overdue = Some(error);
                    }
                }
            }
        }
        after = page.last().map(Store::after_unsettled).filter(|_| more);
        if after.is_none() {
            return overdue.map_or(Ok(done), Err);
        }
    }
}
