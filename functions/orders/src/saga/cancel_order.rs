use contracts::{CancelReason, Cause};
use kernel::OrderId;
use lambda::task::TaskError;
use serde::Deserialize;

use super::{Failure, act};
use crate::{Orders, domain::Command};

/// The part of the workflow's input that this task needs.
#[derive(Debug, Deserialize)]
pub struct CancelOrder {
    order_id: OrderId,
    failure: Failure,
}

/// Ends the order without a sale; ended before is ended. Refused as `SaleStands` if another execution was faster and sold it, and as
/// `StepNotAllowed` if its money was refused when it had left the house.
pub async fn cancel_order(orders: &Orders, work: CancelOrder, cause: Cause) -> Result<(), TaskError> {
    let order = orders.carry_out(work.order_id, ending(&work.failure), &act(cause)).await?;
    if order.is_sold() {
        return Err(TaskError::refused("SaleStands", format!("the order is {}", order.status)));
    }
    Ok(())
}

/// What a checkout that failed asks of its order. Money that never comes undoes even a sale.
pub fn ending(failure: &Failure) -> Command {
    let reason = reason(failure);
    if failure.error == "CaptureRefused" { Command::Cancel { reason } } else { Command::Fail { reason } }
}

/// What the failure means to the customer.
fn reason(failure: &Failure) -> CancelReason {
    match failure.error.as_str() {
        "OutOfStock" => CancelReason::OutOfStock,
        // Of an order that is still pending stock is only put back after a decline: that of another execution.
        "PaymentDeclined" | "CaptureRefused" | "ReservationEnded" => CancelReason::PaymentDeclined,
        "PaymentUnavailable" | "CircuitOpen" => CancelReason::PaymentUnavailable,
        _ => CancelReason::CheckoutFailed,
    }
}
