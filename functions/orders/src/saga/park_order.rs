use contracts::Cause;
use kernel::{OrderId, Timestamp};
use lambda::task::TaskError;
use serde::Deserialize;

use super::Failure;
use crate::Orders;

/// The part of the workflow's input that this task needs.
#[derive(Debug, Deserialize)]
pub struct ParkOrder {
    order_id: OrderId,
    failure: Failure,
}

/// Puts an order whose compensation failed, after all its retries, where an operator sees it. The workflow then fails, which
/// sets off an alarm.
pub async fn park_order(orders: &Orders, work: ParkOrder, _cause: Cause) -> Result<(), TaskError> {
    tracing::error!(error = work.failure.error, "a compensation failed; the order is parked");
    let failure = format!("{}: {}", work.failure.error, work.failure.cause);
    orders.store.park(work.order_id, &failure, Timestamp::now()).await?;
    Ok(())
}
