//! The words every context shares, each parsed once at the edge and valid from then on.
//!
//! Nothing here knows of AWS, HTTP or a clock that runs by itself: a [`Timestamp`] is passed in.

mod chain;
mod correlation;
mod email;
mod id;
mod money;
mod quantity;
mod redacted;
mod text;
mod time;

pub use chain::Chain;
pub use correlation::{CorrelationId, TraceParent};
pub use email::Email;
pub use id::{DeviceId, EventId, NotificationId, OrderId, PaymentId, ProductId, RefundId, SessionId, UserId};
pub use money::{Currency, Money, MoneyError, decimal_schema};
pub use quantity::Quantity;
pub use redacted::Redacted;
pub use text::Text;
pub use time::Timestamp;

/// Why an outside value was refused, in words for the person who sent it.
///
/// Never contains the value itself, which may be secret or personal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Invalid {
    /// Stable, machine-readable: `out_of_range`, `wrong_type`, ….
    pub code: &'static str,
    /// What would be accepted.
    pub message: String,
}

impl Invalid {
    /// A refusal with its stable code and a sentence that says what would be accepted.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}
