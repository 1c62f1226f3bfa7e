use contracts::Cause;
use kernel::{OrderId, PaymentId};
use lambda::task::TaskError;
use serde::Deserialize;

use super::act;
use crate::{Orders, domain::Command};

/// The part of the workflow's input that this task needs.
#[derive(Debug, Deserialize)]
pub struct ConfirmOrder {
    order_id: OrderId,
}

/// Lets the sale stand: from here on the order is paid. Refused as `StepNotAllowed` if it was cancelled meanwhile.
pub async fn confirm_order(orders: &Orders, work: ConfirmOrder, cause: Cause) -> Result<(), TaskError> {
    // An order has one payment, whose id follows from the order's, here as in payments.
    let payment_id = PaymentId::derived(work.order_id, "payment");
    orders.carry_out(work.order_id, Command::Confirm { payment_id }, &act(cause)).await?;
    Ok(())
}
