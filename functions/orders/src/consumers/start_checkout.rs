use contracts::{Envelope, OrderEvent};

use crate::{Orders, OrdersError};

/// Starts the checkout workflow of an order; the second time, it runs already.
pub async fn start_checkout(orders: &Orders, envelope: Envelope<OrderEvent>) -> Result<(), OrdersError> {
    let cause = envelope.as_cause();
    let OrderEvent::CheckoutStarted(checkout) = envelope.event else {
        return Ok(());
    };
    let workflow = orders.workflow.as_ref().ok_or_else(|| OrdersError::Workflow("it is not configured".to_owned()))?;
    workflow.start(&checkout, &cause).await
}
