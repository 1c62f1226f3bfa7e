//! What can go wrong with a payment, and how a caller is told.

use dynamo::StoreError;
use lambda::{problem::Problem, task::TaskError};

use crate::domain::{Payment, Refusal};

/// Why a use case of payments did not happen.
#[derive(Debug, thiserror::Error)]
pub enum PaymentsError {
    /// No such payment, or not the caller's.
    #[error("there is no such payment")]
    NotFound,
    /// The bank said no.
    #[error("the payment was declined: {0}")]
    Declined(String),
    /// The order has ended; money can only be given back.
    #[error("the payment has ended")]
    Ended,
    /// The provider will not give the money that it had set aside.
    #[error("the provider refused the capture")]
    CaptureRefused,
    /// The provider did not answer, or with a fault of its own.
    #[error("the payment provider is unavailable: {0}")]
    Unavailable(String),
    /// Others changed the same payment again and again.
    #[error("the payment is being changed by others")]
    Busy,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PaymentsError {
    pub(crate) fn refused(refusal: Refusal, payment: &Payment) -> Self {
        match refusal {
            Refusal::Declined => Self::Declined(payment.failure_reason.clone().unwrap_or_default()),
            Refusal::Ended => Self::Ended,
        }
    }
}

impl From<PaymentsError> for Problem {
    fn from(error: PaymentsError) -> Self {
        let detail = format!("{error}.");
        match error {
            PaymentsError::NotFound => Self::not_found("payment"),
            PaymentsError::Declined(_) => Self::new(409, "payment_declined", detail),
            PaymentsError::Ended | PaymentsError::CaptureRefused => Self::new(409, "payment_ended", detail),
            PaymentsError::Unavailable(_) => {
                Self::new(503, "provider_unavailable", "The payment provider does not answer.")
            }
            PaymentsError::Busy => Self::new(409, "busy", detail),
            PaymentsError::Store(error) => error.into(),
        }
    }
}

impl From<PaymentsError> for TaskError {
    fn from(error: PaymentsError) -> Self {
        match error {
            PaymentsError::Declined(_) => Self::refused("PaymentDeclined", error),
            PaymentsError::Ended | PaymentsError::CaptureRefused | PaymentsError::NotFound => {
                Self::refused("PaymentRefused", error)
            }
            PaymentsError::Unavailable(_) => Self::fault("PaymentUnavailable", error),
            PaymentsError::Busy | PaymentsError::Store(_) => Self::fault("PaymentsUnavailable", error),
        }
    }
}
