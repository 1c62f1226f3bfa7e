use contracts::{Envelope, OrderEvent};

use crate::{Orders, OrdersError};

/// Starts the checkout workflow of an order. If the event is delivered again, the workflow has been started already.
pub async fn start_checkout(orders: &Orders, envelope: Envelope<OrderEvent>) -> Result<(), OrdersError> {
    let cause = envelope.as_cause();
    let OrderEvent::CheckoutStarted(checkout) = envelope.event else {
        return Ok(());
    };
    orders.workflow()?.start(&checkout, &cause, 0).await.map(drop)
}
