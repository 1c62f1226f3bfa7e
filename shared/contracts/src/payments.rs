//! The events that `payments` publishes.

use kernel::{Money, OrderId, PaymentId, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

crate::events!(
    /// The events of payments.
    PaymentEvent from "payments" {
        /// A customer asked to pay for an order.
        PaymentRequested,
        /// A payment was captured.
        PaymentProcessed,
        /// A payment failed for good.
        PaymentFailed,
        /// A captured payment was refunded, in full or in part.
        PaymentRefunded,
    }
);

/// A customer asked to pay for an order. The checkout of the order can start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentRequested {
    /// The payment, which is `pending`: the provider has not processed it yet.
    pub payment_id: PaymentId,
    /// The order that is paid for.
    pub order_id: OrderId,
    /// The customer who placed the order.
    pub user_id: UserId,
    /// The amount to pay, which is the total of the order.
    pub amount: Money,
    /// The provider's token of the payment method.
    pub method: String,
}

/// A payment was captured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentProcessed {
    /// The payment.
    pub payment_id: PaymentId,
    /// The order that was paid for.
    pub order_id: OrderId,
    /// The customer who paid.
    pub user_id: UserId,
    /// The captured amount.
    pub amount: Money,
}

/// A payment failed for good: it was declined, or its capture was refused. Nothing was captured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentFailed {
    /// The payment.
    pub payment_id: PaymentId,
    /// The order that was to be paid for.
    pub order_id: OrderId,
    /// The customer who was to pay.
    pub user_id: UserId,
    /// The amount that was not paid.
    pub amount: Money,
    /// The provider's code of the reason, such as `card_declined`.
    pub reason: String,
}

/// A captured payment was refunded, in full or in part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentRefunded {
    /// The payment.
    pub payment_id: PaymentId,
    /// The order that had been paid for.
    pub order_id: OrderId,
    /// The customer who gets the refund.
    pub user_id: UserId,
    /// The refunded amount.
    pub amount: Money,
}
