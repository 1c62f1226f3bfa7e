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

/// Ends the order without a sale, after money and stock went back: undoes `place` and, if need be, `confirm_order`.
pub async fn cancel_order(orders: &Orders, work: CancelOrder, cause: Cause) -> Result<(), TaskError> {
    let reason = reason(&work.failure);
    orders.carry_out(work.order_id, Command::Cancel { reason }, &act(cause)).await?;
    Ok(())
}

/// What the failure means to the customer.
fn reason(failure: &Failure) -> CancelReason {
    match failure.error.as_str() {
        "OutOfStock" => CancelReason::OutOfStock,
        "PaymentDeclined" => CancelReason::PaymentDeclined,
        "PaymentUnavailable" => CancelReason::PaymentUnavailable,
        _ => CancelReason::CheckoutFailed,
    }
}
