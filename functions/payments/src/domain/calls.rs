//! The calls to the payment provider, and its answers.

use kernel::{Money, RefundId};

/// A call to the provider for an order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Call {
    /// Authorize the order's total.
    Authorize {
        /// The provider's token of the payment method.
        method: String,
    },
    /// Capture the authorized amount.
    Capture,
    /// Void the authorization. Any later authorization is declined, even if there was none before.
    Void,
    /// Refund a part of the captured amount.
    Refund {
        /// The idempotency key of the refund.
        id: RefundId,
        /// The amount to refund.
        amount: Money,
    },
}

/// The provider's answer to a call.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Answer {
    /// To `Authorize`: the amount is authorized.
    Approved {
        /// The provider's id of the payment.
        reference: String,
    },
    /// To `Authorize`: the payment is declined for good.
    Declined {
        /// The provider's code for why.
        reason: String,
    },
    /// To `Capture`: the amount is captured, by this call or an earlier one.
    Captured,
    /// To `Capture`: the amount is not captured and never will be.
    CaptureRefused {
        /// The provider's code for why.
        reason: String,
    },
    /// To `Void`: nothing is authorized, and never will be.
    Voided,
    /// To `Void`: the amount was captured before.
    WasCaptured,
    /// To `Refund`: the refund is made, by this call or an earlier one.
    Refunded,
    /// To `Refund`: the refund is not made and never will be.
    RefundRefused {
        /// The provider's code for why.
        reason: String,
    },
}
