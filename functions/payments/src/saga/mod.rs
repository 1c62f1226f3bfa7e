//! The steps of the checkout workflow that belong to payments. Each is idempotent on the order id.

use contracts::Cause;
use lambda::task::TaskError;
use serde::Deserialize;

use crate::{Payments, domain::Due};

/// The part of the workflow's input that an authorization needs.
#[derive(Debug, Deserialize)]
pub struct AuthorizePayment {
    #[serde(flatten)]
    due: Due,
    payment_method: String,
}

/// Authorizes the amount. The step is refused with `PaymentDeclined`, with `PaymentRefused` if the order was cancelled
/// meanwhile, or with `CircuitOpen` while the circuit of the provider is open.
pub async fn authorize_payment(payments: &Payments, work: AuthorizePayment, cause: Cause) -> Result<(), TaskError> {
    Ok(payments.authorize(&work.due, &work.payment_method, &cause).await?)
}

/// Captures the amount after the order was confirmed. The step is refused with `CaptureRefused` if nothing is left to
/// capture.
pub async fn capture_payment(payments: &Payments, due: Due, cause: Cause) -> Result<(), TaskError> {
    Ok(payments.capture(&due, &cause).await?)
}

/// Voids or refunds the payment: compensates `authorize_payment` and `capture_payment`, whether they ran or not.
pub async fn void_payment(payments: &Payments, due: Due, cause: Cause) -> Result<(), TaskError> {
    Ok(payments.undo(&due, &cause).await?)
}
