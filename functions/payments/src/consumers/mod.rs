//! What payments hears.

use contracts::{Envelope, OrderEvent};

use crate::{Due, Payments, PaymentsError};

/// Gives back what was paid for a cancelled order, whoever cancelled it.
pub async fn undo_cancelled(payments: &Payments, envelope: Envelope<OrderEvent>) -> Result<(), PaymentsError> {
    let cause = envelope.as_cause();
    let OrderEvent::OrderCancelled(order) = envelope.event else {
        return Ok(());
    };
    let due = Due { order_id: order.order_id, user_id: order.user_id, total: order.total };
    payments.undo(&due, &cause).await
}
