use contracts::{CancelReason, Cause};
use kernel::OrderId;
use lambda::task::TaskError;
use serde::Deserialize;

use super::{Failure, audit_context};
use crate::{Orders, domain::Command};

/// The input of the task, as a part of the workflow's input.
#[derive(Debug, Deserialize)]
pub struct CancelOrder {
    order_id: OrderId,
    failure: Failure,
}

/// Cancels an order. An order that was cancelled before stays as it is. Fails as `SaleStands` if another execution has
/// sold it, and as `StepNotAllowed` if its capture was refused after it was shipped.
pub async fn cancel_order(orders: &Orders, input: CancelOrder, cause: Cause) -> Result<(), TaskError> {
    let order = orders.execute(input.order_id, ending(&input.failure), &audit_context(cause)).await?;
    if order.is_sold() {
        return Err(TaskError::refused("SaleStands", format!("the order is {}", order.status)));
    }
    Ok(())
}

/// Returns the command for an order whose checkout failed. A refused capture cancels even a sold order.
pub fn ending(failure: &Failure) -> Command {
    let reason = reason(failure);
    if failure.error == "CaptureRefused" { Command::Cancel { reason } } else { Command::Fail { reason } }
}

/// Translates the failure into the reason that the customer sees.
fn reason(failure: &Failure) -> CancelReason {
    match failure.error.as_str() {
        "OutOfStock" => CancelReason::OutOfStock,
        // `ReservationEnded`: a pending order's stock is released only after a decline, here that of another execution.
        "PaymentDeclined" | "CaptureRefused" | "ReservationEnded" => CancelReason::PaymentDeclined,
        "PaymentUnavailable" | "CircuitOpen" => CancelReason::PaymentUnavailable,
        _ => CancelReason::CheckoutFailed,
    }
}
