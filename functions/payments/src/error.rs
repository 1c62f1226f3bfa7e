//! The errors of payments, and how callers and the workflow see them.

use dynamo::{KeyReused, StoreError};
use kernel::{Invalid, Money};
use lambda::{
    problem::{FieldError, Problem},
    task::TaskError,
};

use crate::{
    api::existing,
    domain::{Payment, Refusal},
};

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
    #[error("the payment is being changed by other requests; try again")]
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

impl From<PaymentsError> for Problem {
    fn from(error: PaymentsError) -> Self {
        let detail = sentence(&error.to_string());
        match error {
            PaymentsError::NoSuchOrder => Self::not_found("order"),
            PaymentsError::AmountDiffers(total) => {
                amount(Invalid::new("amount_differs", format!("must be the order's total, {}", total.to_decimal())))
            }
            PaymentsError::UnknownMethod(known) => {
                Self::validation(vec![FieldError::new("method", unknown_method(&known))])
            }
            PaymentsError::Refused(refusal, payment) => refused(&refusal, payment.as_deref(), detail),
            PaymentsError::Unavailable(_) | PaymentsError::CircuitOpen => {
                let detail = "The payment provider is unavailable. Try again later.";
                Self::new(503, "provider_unavailable", detail).header("retry-after", "30")
            }
            PaymentsError::BadSignature => Self::new(400, "bad_signature", detail),
            PaymentsError::OldSignature => Self::new(400, "old_signature", detail),
            PaymentsError::MalformedEvent => Self::new(400, "malformed_event", detail),
            PaymentsError::Busy => Self::new(409, "busy", detail),
            PaymentsError::KeyReused(reused) => reused.into(),
            PaymentsError::Response(problem) => problem,
            PaymentsError::Store(error) => error.into(),
        }
    }
}

fn refused(refusal: &Refusal, payment: Option<&Payment>, detail: String) -> Problem {
    let code = match refusal {
        Refusal::NotFound => return Problem::not_found("payment"),
        Refusal::TooMuch(left) => {
            return amount(Invalid::new(
                "too_much",
                format!("must not exceed the refundable amount, {}", left.to_decimal()),
            ));
        }
        Refusal::Exists => "payment_exists",
        Refusal::Declined(_) => "payment_declined",
        Refusal::Ended => "payment_ended",
        Refusal::CaptureRefused(_) => "capture_refused",
        Refusal::NotCaptured(_) => "not_captured",
        Refusal::TooManyRefunds => "too_many_refunds",
        Refusal::RefundRefused(_) => "refund_refused",
        Refusal::Contradiction(_) => "contradiction",
    };
    let problem = Problem::new(409, code, detail);
    match payment {
        Some(payment) => problem.with("payment", existing(payment)),
        None => problem,
    }
}

fn amount(invalid: Invalid) -> Problem {
    Problem::validation(vec![FieldError::new("amount", invalid)])
}

/// Returns the error for an unknown payment method; `known` is empty if only the provider knows which methods exist.
pub(crate) fn unknown_method(known: &[&str]) -> Invalid {
    let known =
        if known.is_empty() { "such as pm_card_visa".to_owned() } else { format!("one of {}", known.join(", ")) };
    Invalid::new("unknown_payment_method", format!("must be the payment provider's token of a payment method, {known}"))
}

/// Returns the text as a sentence, with a capital letter and a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
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
