//! What can go wrong with a payment, and how a caller is told.

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

/// Why a use case of payments did not happen.
#[derive(Debug, thiserror::Error)]
pub enum PaymentsError {
    /// No such order, or not the caller's.
    #[error("there is no such order")]
    NoSuchOrder,
    /// The amount is not what the order costs.
    #[error("the order costs {}", .0.to_decimal())]
    OtherAmount(Money),
    /// The provider has no such means of payment.
    #[error("the provider does not know this means of payment")]
    UnknownMethod(Vec<&'static str>),
    /// What is recorded of the payment does not allow it.
    #[error("{0}")]
    Refused(Refusal, Option<Box<Payment>>),
    /// The provider did not answer, or with a fault of its own.
    #[error("the payment provider is unavailable: {0}")]
    Unavailable(String),
    /// The provider is known to be down: it was not asked.
    #[error("the payment provider is down; it is not asked for a while")]
    CircuitOpen,
    /// An event that the provider has not signed.
    #[error("the event bears no signature of the payment provider")]
    BadSignature,
    /// An event that the provider signed at another time.
    #[error("the event's signature is older than five minutes, or from the future")]
    OldSignature,
    /// An event that the provider has signed, but that says nothing.
    #[error("the event is not one that the payment provider is known to send")]
    MalformedEvent,
    /// Others changed the same payment again and again.
    #[error("the payment is being changed by others")]
    Busy,
    /// The idempotency key answered another request.
    #[error(transparent)]
    KeyReused(#[from] KeyReused),
    /// The answer could not be made.
    #[error("the answer could not be made")]
    Answer(Problem),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<PaymentsError> for Problem {
    fn from(error: PaymentsError) -> Self {
        let detail = sentence(&error.to_string());
        match error {
            PaymentsError::NoSuchOrder => Self::not_found("order"),
            PaymentsError::OtherAmount(total) => {
                amount(Invalid::new("amount_differs", format!("is not the order's total, {}", total.to_decimal())))
            }
            PaymentsError::UnknownMethod(known) => {
                Self::validation(vec![FieldError::new("method", unknown_method(&known))])
            }
            PaymentsError::Refused(refusal, payment) => refused(&refusal, payment.as_deref(), detail),
            PaymentsError::Unavailable(_) | PaymentsError::CircuitOpen => {
                let detail = "The payment provider does not answer; try again later.";
                Self::new(503, "provider_unavailable", detail).header("retry-after", "30")
            }
            PaymentsError::BadSignature => Self::new(400, "bad_signature", detail),
            PaymentsError::OldSignature => Self::new(400, "old_signature", detail),
            PaymentsError::MalformedEvent => Self::new(400, "malformed_event", detail),
            PaymentsError::Busy => Self::new(409, "busy", detail),
            PaymentsError::KeyReused(reused) => reused.into(),
            PaymentsError::Answer(problem) => problem,
            PaymentsError::Store(error) => error.into(),
        }
    }
}

fn refused(refusal: &Refusal, payment: Option<&Payment>, detail: String) -> Problem {
    let code = match refusal {
        Refusal::NotFound => return Problem::not_found("payment"),
        Refusal::TooMuch(left) => {
            return amount(Invalid::new("too_much", format!("is more than what is left, {}", left.to_decimal())));
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

/// What is said of a means of payment that is none; `known` are those that there are, if that can be said.
pub(crate) fn unknown_method(known: &[&str]) -> Invalid {
    let known =
        if known.is_empty() { "such as pm_card_visa".to_owned() } else { format!("one of {}", known.join(", ")) };
    Invalid::new(
        "unknown_payment_method",
        format!("must be the payment provider's token of a means of payment, {known}"),
    )
}

/// As a person reads it.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

impl From<PaymentsError> for TaskError {
    /// A refusal is for the workflow to catch; the rest may pass.
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
