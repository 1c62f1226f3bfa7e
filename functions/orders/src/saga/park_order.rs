use contracts::Cause;
use kernel::{OrderId, Timestamp};
use lambda::task::TaskError;
use serde::Deserialize;

use super::Failure;
use crate::{Orders, store::Parked};

/// The input of the task, as a part of the workflow's input.
#[derive(Debug, Deserialize)]
pub struct ParkOrder {
    order_id: OrderId,
    #[serde(default)]
    attempt: u32,
    failure: Failure,
}

/// Parks an order that could be neither completed nor compensated after all retries, so that operators see it. The
/// workflow then fails, which sets off an alarm.
pub async fn park_order(orders: &Orders, input: ParkOrder, _cause: Cause) -> Result<(), TaskError> {
    let ParkOrder { order_id, attempt, failure } = input;
    tracing::error!(
        error = failure.error,
        "the checkout could be neither completed nor compensated; the order is parked"
    );
    let failure = format!("{}: {}", failure.error, failure.cause);
    Ok(orders.store.park(&Parked { order_id, failure, parked_at: Timestamp::now(), attempt }).await?)
}
