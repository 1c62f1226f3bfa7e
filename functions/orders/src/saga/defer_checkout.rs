use contracts::Cause;
use kernel::{OrderId, Timestamp};
use lambda::task::TaskError;
use serde::Deserialize;

use crate::{Orders, store::Deferred};

/// The input of the task, as a part of the workflow's input.
#[derive(Debug, Deserialize)]
pub struct DeferCheckout {
    order_id: OrderId,
    #[serde(default)]
    attempt: u32,
}

/// The maximum delay of the first attempt after a failure, in seconds. It doubles with each further attempt.
const FIRST_MAX_DELAY_SECONDS: i64 = 30;

/// The maximum delay of any attempt, in seconds.
const MAX_DELAY_SECONDS: i64 = 300;

/// Defers the checkout, because the payment provider is unavailable, which is not the customer's fault.
/// `resume-checkouts` starts it again.
pub async fn defer_checkout(orders: &Orders, input: DeferCheckout, _cause: Cause) -> Result<(), TaskError> {
    // Full jitter, so that not all checkouts call a provider at once when it is available again.
    let delay = rand::random_range(0..=max_delay_seconds(input.attempt));
    let due_at = Timestamp::now().plus_seconds(delay);
    let deferred = Deferred { order_id: input.order_id, attempt: input.attempt.saturating_add(1), due_at };
    tracing::info!(attempt = deferred.attempt, %due_at, "the checkout was deferred");
    Ok(orders.store.defer(&deferred).await?)
}

fn max_delay_seconds(attempt: u32) -> i64 {
    FIRST_MAX_DELAY_SECONDS.saturating_mul(1 << attempt.min(10)).min(MAX_DELAY_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_five_minutes() {
        assert_eq!([0, 1, 2, 3, 4, u32::MAX].map(max_delay_seconds), [30, 60, 120, 240, 300, 300]);
    }
}
