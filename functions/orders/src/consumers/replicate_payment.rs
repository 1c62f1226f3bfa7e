use contracts::{Envelope, PaymentEvent};
use kernel::Timestamp;

use crate::{Orders, OrdersError, domain::Actor, store::Act};

/// Keeps the replica of an order's payment, and records money that was given back.
pub async fn replicate_payment(orders: &Orders, envelope: Envelope<PaymentEvent>) -> Result<(), OrdersError> {
    let order_id = match &envelope.event {
        PaymentEvent::PaymentRequested(payment) => payment.order_id,
        PaymentEvent::PaymentProcessed(payment) => payment.order_id,
        PaymentEvent::PaymentFailed(payment) => payment.order_id,
        PaymentEvent::PaymentRefunded(payment) => payment.order_id,
    };
    let cause = envelope.as_cause();
    let act = Act { by: Actor::system("remember-payment"), reason: None, now: Timestamp::now(), cause };
    orders.hear_of_payment(order_id, &envelope.event, envelope.event_id, envelope.timestamp, &act).await
}
