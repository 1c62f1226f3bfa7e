//! The consumers of payments.

use contracts::{Envelope, OrderEvent};
use lambda::{Error, queue::DeadLetters};

use crate::{
    Payments, PaymentsError,
    domain::{Due, Refusal},
};

/// Stores the replica of an order: its total, and who pays it.
pub async fn replicate_order(payments: &Payments, envelope: Envelope<OrderEvent>) -> Result<(), PaymentsError> {
    let OrderEvent::OrderPlaced(order) = envelope.event else {
        return Ok(());
    };
    let due = Due { order_id: order.order_id, user_id: order.user_id, total: order.total };
    payments.replicate_order(&due).await
}

/// Voids or refunds the payment of a cancelled order, whoever cancelled it. If the provider refuses the refund for
/// good, the event becomes a dead letter at once, because an operator has to return the money in another way.
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

/// Captures the amount of a confirmed order, some minutes after its confirmation, if the checkout has not: it may have
/// died, or the provider may have been unavailable. If the provider refuses the capture for good, `PaymentFailed` is
/// published, because the checkout that would have undone the sale has ended.
pub async fn capture_confirmed(payments: &Payments, envelope: Envelope<OrderEvent>) -> Result<(), PaymentsError> {
    let cause = envelope.as_cause();
    let OrderEvent::OrderConfirmed(order) = envelope.event else {
        return Ok(());
    };
    let due = Due { order_id: order.order_id, user_id: order.user_id, total: order.total };
    // Almost every order was captured minutes ago.
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
