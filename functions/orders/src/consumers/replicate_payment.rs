use contracts::{Envelope, PaymentEvent};
use kernel::Timestamp;

use crate::{Orders, OrdersError, domain::Actor, store::AuditContext};

/// Updates the replica of an order's payment, and the order itself if the payment requires it.
pub async fn replicate_payment(orders: &Orders, envelope: Envelope<PaymentEvent>) -> Result<(), OrdersError> {
    let order_id = match &envelope.event {
        PaymentEvent::PaymentRequested(payment) => payment.order_id,
        PaymentEvent::PaymentProcessed(payment) => payment.order_id,
        PaymentEvent::PaymentFailed(payment) => payment.order_id,
        PaymentEvent::PaymentRefunded(payment) => payment.order_id,
    };
    let cause = envelope.as_cause();
    // The name of the actor, not of the function: it is stored in events and shown to callers.
    let audit = AuditContext { actor: Actor::system("remember-payment"), reason: None, now: Timestamp::now(), cause };
    orders.apply_payment_event(order_id, &envelope.event, envelope.event_id, envelope.timestamp, &audit).await
}
