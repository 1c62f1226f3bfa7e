//! The problems that callers get for the errors of payments.

use kernel::Invalid;
use lambda::problem::{FieldError, Problem};

use super::response::existing;
use crate::{
    PaymentsError,
    domain::{Payment, Refusal},
};

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
            PaymentsError::Busy => {
                Self::new(409, "busy", "The payment is being changed by another request. Try again.")
            }
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
pub(super) fn unknown_method(known: &[&str]) -> Invalid {
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
