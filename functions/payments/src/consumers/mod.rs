//! What payments hears.

use contracts::{Envelope, OrderEvent};
use lambda::{Error, queue::DeadLetters};

use crate::{
    Payments, PaymentsError,
    domain::{Due, Refusal},
};

/// Keeps the replica of an order: what it costs, and who pays.
pub async fn replicate_order(payments: &Payments, envelope: Envelope<OrderEvent>) -> Result<(), PaymentsError> {
    let OrderEvent::OrderPlaced(order) = envelope.event else {
        return Ok(());
    };
    let due = Due { order_id: order.order_id, user_id: order.user_id, total: order.total };
    payments.remember(&due).await
}

/// Gives back what was paid for a cancelled order, whoever cancelled it. What the provider will never give back is a dead letter at once:
/// somebody has to give it back in another way.
pub async fn undo_cancelled(
    (payments, dead_letters): &(Payments, DeadLetters),
    envelope: Envelope<OrderEvent>,
) -> Result<(), Error> {
    let OrderEvent::OrderCancelled(order) = &envelope.event else {
        return Ok(());
    };
    let due = Due { order_id: order.order_id, user_id: order.user_id, total: order.total };
    match payments.undo(&due, &envelope.as_cause()).await {
        Err(PaymentsError::Refused(refused @ Refusal::RefundRefused(_), _)) => {
            dead_letters.put(&envelope, &refused).await
        }
        done => Ok(done?),
    }
}

/// Makes sure, some minutes after an order was confirmed, that its money was taken: its checkout may have died before, or have given up
/// on a provider that was away. What can never be taken is told: the checkout that would have undone the sale is over.
pub async fn capture_confirmed(payments: &Payments, envelope: Envelope<OrderEvent>) -> Result<(), PaymentsError> {
    let cause = envelope.as_cause();
    let OrderEvent::OrderConfirmed(order) = envelope.event else {
        return Ok(());
    };
    let due = Due { order_id: order.order_id, user_id: order.user_id, total: order.total };
    // Almost always it was, minutes ago.
    if payments.was_captured(&due).await? {
        return Ok(());
    }
    match payments.capture(&due, &cause).await {
        Err(PaymentsError::Refused(Refusal::CaptureRefused(reason), Some(_))) => {
            payments.give_up(&due, &reason, &cause).await
        }
        done => done,
    }
}
