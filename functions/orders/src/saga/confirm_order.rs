use contracts::Cause;
use kernel::{OrderId, PaymentId, UserId};
use lambda::task::TaskError;
use serde::Deserialize;

use super::audit_context;
use crate::Orders;

/// The input of the task, as a part of the workflow's input.
#[derive(Debug, Deserialize)]
pub struct ConfirmOrder {
    order_id: OrderId,
    user_id: UserId,
}

/// Confirms the order, which makes it paid. Fails as `StepNotAllowed` if it was cancelled in the meantime.
pub async fn confirm_order(orders: &Orders, input: ConfirmOrder, cause: Cause) -> Result<(), TaskError> {
    // An order has one payment. Its id is derived from the order's id, here as in payments.
    let payment_id = PaymentId::derived(input.order_id, "payment");
    orders.confirm(input.user_id, input.order_id, payment_id, &audit_context(cause)).await?;
    Ok(())
}
