//! The values that all contexts share. Each is validated once, where it enters the system.
//!
//! Nothing here depends on AWS or HTTP. The current time is passed in as a [`Timestamp`].

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

/// Why a value from outside is invalid, in words for its sender.
///
/// It never contains the value, which may be a secret or personal data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Invalid {
    /// The stable code for programs, such as `out_of_range` or `wrong_type`.
    pub code: &'static str,
    /// A phrase that says which values are valid.
    pub message: String,
}

impl Invalid {
    /// Creates an error with a stable code and a phrase that says which values are valid.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}
