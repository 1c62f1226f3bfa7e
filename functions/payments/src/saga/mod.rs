//! The steps of the checkout workflow that are payments'. Each is idempotent on the order id.

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

/// Sets the money aside. Refused as `PaymentDeclined`, as `PaymentRefused` if the order was cancelled meanwhile, or as `CircuitOpen`
/// while the provider is known to be down.
pub async fn authorize_payment(payments: &Payments, work: AuthorizePayment, cause: Cause) -> Result<(), TaskError> {
    Ok(payments.authorize(&work.due, &work.payment_method, &cause).await?)
}

/// Takes the money, after the order was confirmed. Refused as `CaptureRefused` if there is nothing to take any more.
pub async fn capture_payment(payments: &Payments, due: Due, cause: Cause) -> Result<(), TaskError> {
    Ok(payments.capture(&due, &cause).await?)
}

/// Gives the money back, set aside or taken: undoes `authorize_payment` and `capture_payment`, done or not.
pub async fn void_payment(payments: &Payments, due: Due, cause: Cause) -> Result<(), TaskError> {
    Ok(payments.undo(&due, &cause).await?)
}
