//! The errors of payments, and how the workflow sees them. `api/problem.rs` has the problems that callers get.

use dynamo::{KeyReused, StoreError};
use kernel::Money;
use lambda::{problem::Problem, task::TaskError};

use crate::domain::{Payment, Refusal};

/// Why a use case of payments failed.
#[derive(Debug, thiserror::Error)]
pub enum PaymentsError {
    /// The order does not exist, or it is not the caller's.
    #[error("there is no such order")]
    NoSuchOrder,
    /// The amount is not the order's total.
    #[error("the order's total is {}", .0.to_decimal())]
    AmountDiffers(Money),
    /// The provider has no such payment method; the field lists those that it has.
    #[error("the provider does not know this payment method")]
    UnknownMethod(Vec<&'static str>),
    /// The state of the payment does not allow it.
    #[error("{0}")]
    Refused(Refusal, Option<Box<Payment>>),
    /// The provider did not respond, or it responded with a server error.
    #[error("the payment provider is unavailable: {0}")]
    Unavailable(String),
    /// The circuit is open, so the provider was not asked.
    #[error("the payment provider is unavailable, and its circuit is open")]
    CircuitOpen,
    /// The event has no valid signature of the provider.
    #[error("the event has no valid signature of the payment provider")]
    BadSignature,
    /// The event was signed too long ago, or in the future.
    #[error("the event's signature is more than five minutes old, or from the future")]
    OldSignature,
    /// The event is signed, but cannot be parsed.
    #[error("the event is not in the format of the payment provider")]
    MalformedEvent,
    /// Every write conflicted with another change of the same payment.
    #[error("the payment is being changed by other requests")]
    Busy,
    /// The idempotency key was used with another request.
    #[error(transparent)]
    KeyReused(#[from] KeyReused),
    /// The response could not be created.
    #[error("the response could not be created")]
    Response(Problem),
    /// The table did not respond, or an item could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<PaymentsError> for TaskError {
    /// The workflow catches refusals by name and retries faults, which may be temporary.
    fn from(error: PaymentsError) -> Self {
        match &error {
            PaymentsError::Refused(Refusal::Declined(_), _) => Self::refused("PaymentDeclined", error),
            PaymentsError::Refused(Refusal::CaptureRefused(_), _) => Self::refused("CaptureRefused", error),
            PaymentsError::Refused(..) => Self::refused("PaymentRefused", error),
            PaymentsError::CircuitOpen => Self::refused("CircuitOpen", error),
            PaymentsError::Unavailable(_) => Self::fault("PaymentUnavailable", error),
            _ => Self::fault("PaymentsUnavailable", error),
        }
    }
}
