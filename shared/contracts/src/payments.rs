//! What `payments` tells.

use kernel::{Money, OrderId, PaymentId, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

crate::events!(
    /// The events of payments.
    PaymentEvent from "payments" {
        /// Somebody wants to pay an order.
        PaymentRequested,
        /// Money was captured.
        PaymentProcessed,
        /// No money will come.
        PaymentFailed,
        /// Captured money went back.
        PaymentRefunded,
    }
);

/// Somebody wants to pay an order: its checkout may start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentRequested {
    /// The payment, of which nothing else is known yet.
    pub payment_id: PaymentId,
    /// What it is to pay for.
    pub order_id: OrderId,
    /// Whose order that is.
    pub user_id: UserId,
    /// How much: the order's total.
    pub amount: Money,
    /// The provider's token of the means of payment.
    pub method: String,
}

/// Money was captured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentProcessed {
    /// The payment.
    pub payment_id: PaymentId,
    /// What it pays for.
    pub order_id: OrderId,
    /// Who paid.
    pub user_id: UserId,
    /// How much.
    pub amount: Money,
}

/// No money will come: the means of payment was declined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentFailed {
    /// The payment.
    pub payment_id: PaymentId,
    /// What it was to pay for.
    pub order_id: OrderId,
    /// Who was to pay.
    pub user_id: UserId,
    /// How much.
    pub amount: Money,
    /// The provider's word for why: `card_declined`, ….
    pub reason: String,
}

/// Captured money went back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentRefunded {
    /// The payment.
    pub payment_id: PaymentId,
    /// What it had paid for.
    pub order_id: OrderId,
    /// Who is paid back.
    pub user_id: UserId,
    /// How much.
    pub amount: Money,
}
