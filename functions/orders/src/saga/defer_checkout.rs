use contracts::Cause;
use kernel::{OrderId, Timestamp};
use lambda::task::TaskError;
use serde::Deserialize;

use crate::{Orders, store::Deferred};

/// The part of the workflow's input that this task needs.
#[derive(Debug, Deserialize)]
pub struct DeferCheckout {
    order_id: OrderId,
    #[serde(default)]
    attempt: u32,
}

/// How long the first attempt after a failed one is waited for at most, in seconds; each later one twice as long as the one before it.
const FIRST_DELAY: i64 = 30;

/// How long any attempt is waited for at most, in seconds.
const LONGEST_DELAY: i64 = 300;

/// Has the checkout started over later, by `resume-checkouts`: the payment provider is away, which is no fault of the customer's.
pub async fn defer_checkout(orders: &Orders, work: DeferCheckout, _cause: Cause) -> Result<(), TaskError> {
    // Full jitter: a provider that comes back is not met by all at once.
    let wait = rand::random_range(0..=longest_delay(work.attempt));
    let due_at = Timestamp::now().plus_seconds(wait);
    let deferred = Deferred { order_id: work.order_id, attempt: work.attempt.saturating_add(1), due_at };
    tracing::info!(attempt = deferred.attempt, %due_at, "the checkout is deferred");
    Ok(orders.store.defer(&deferred).await?)
}

fn longest_delay(attempt: u32) -> i64 {
    FIRST_DELAY.saturating_mul(1 << attempt.min(10)).min(LONGEST_DELAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_attempt_is_waited_for_longer_up_to_five_minutes() {
        assert_eq!([0, 1, 2, 3, 4, u32::MAX].map(longest_delay), [30, 60, 120, 240, 300, 300]);
    }
}
