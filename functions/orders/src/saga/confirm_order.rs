use contracts::Cause;
use kernel::{OrderId, PaymentId, UserId};
use lambda::task::TaskError;
use serde::Deserialize;

use super::act;
use crate::Orders;

/// The part of the workflow's input that this task needs.
#[derive(Debug, Deserialize)]
pub struct ConfirmOrder {
    order_id: OrderId,
    user_id: UserId,
}

/// Lets the sale stand: from here on the order is paid. Refused as `StepNotAllowed` if it was cancelled meanwhile.
pub async fn confirm_order(orders: &Orders, work: ConfirmOrder, cause: Cause) -> Result<(), TaskError> {
    // An order has one payment, whose id follows from the order's, here as in payments.
    let payment_id = PaymentId::derived(work.order_id, "payment");
    orders.confirm(work.user_id, work.order_id, payment_id, &act(cause)).await?;
    Ok(())
}
