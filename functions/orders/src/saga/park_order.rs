use contracts::Cause;
use kernel::{OrderId, Timestamp};
use lambda::task::TaskError;
use serde::Deserialize;

use super::Failure;
use crate::{Orders, store::Parked};

/// The part of the workflow's input that this task needs.
#[derive(Debug, Deserialize)]
pub struct ParkOrder {
    order_id: OrderId,
    #[serde(default)]
    attempt: u32,
    failure: Failure,
}

/// Puts an order that could be neither finished nor undone, after all retries, where an operator sees it. The workflow then fails, which
/// sets off an alarm.
pub async fn park_order(orders: &Orders, work: ParkOrder, _cause: Cause) -> Result<(), TaskError> {
    let ParkOrder { order_id, attempt, failure } = work;
    tracing::error!(error = failure.error, "the checkout could be neither finished nor undone; the order is parked");
    let failure = format!("{}: {}", failure.error, failure.cause);
    Ok(orders.store.park(&Parked { order_id, failure, parked_at: Timestamp::now(), attempt }).await?)
}
