//! A payment as a caller sees it.

use kernel::{Currency, OrderId, PaymentId, RefundId, Timestamp, UserId};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::domain::{Payment, Refund, RefundStatus, Status};

/// A payment of an order.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Payment")]
pub(super) struct PaymentAnswer<'a> {
    id: PaymentId,
    order_id: OrderId,
    user_id: UserId,
    status: Status,
    #[schemars(schema_with = "kernel::decimal_schema")]
    amount: String,
    /// What went back of it.
    #[schemars(schema_with = "kernel::decimal_schema")]
    refunded_amount: String,
    currency: Currency,
    /// The provider's token of the means of payment.
    method: &'a str,
    /// The provider's word for why it was declined.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_reason: Option<&'a str>,
    /// What went back, is to go back, or could not, the oldest first.
    refunds: Vec<RefundAnswer<'a>>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// Money going back.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Refund")]
pub(super) struct RefundAnswer<'a> {
    id: RefundId,
    /// `pending`: the provider is asked until it answers.
    status: RefundStatus,
    #[schemars(schema_with = "kernel::decimal_schema")]
    amount: String,
    /// Why, in the words of who gave it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    /// The provider's word for why it could not.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_reason: Option<&'a str>,
    created_at: Timestamp,
}

impl<'a> From<&'a Payment> for PaymentAnswer<'a> {
    fn from(payment: &'a Payment) -> Self {
        Self {
            id: payment.id,
            order_id: payment.order_id,
            user_id: payment.user_id,
            status: payment.status,
            amount: payment.amount.to_decimal(),
            refunded_amount: payment.refunded().to_decimal(),
            currency: payment.amount.currency(),
            method: &payment.method,
            failure_reason: payment.failure_reason.as_deref(),
            refunds: payment.refunds.iter().map(RefundAnswer::from).collect(),
            created_at: payment.created_at,
            updated_at: payment.updated_at,
        }
    }
}

impl<'a> From<&'a Refund> for RefundAnswer<'a> {
    fn from(refund: &'a Refund) -> Self {
        Self {
            id: refund.id,
            status: refund.status,
            amount: refund.amount.to_decimal(),
            reason: refund.reason.as_deref(),
            failure_reason: refund.failure_reason.as_deref(),
            created_at: refund.created_at,
        }
    }
}

/// The payment that is there already, as a problem shows it.
pub(crate) fn existing(payment: &Payment) -> Value {
    serde_json::to_value(PaymentAnswer::from(payment)).unwrap_or_default()
}

/// A payment of the seed's first order.
pub(super) fn example(status: &str) -> Value {
    json!({
        "id": "01930000-0000-74e8-b825-4ecc199c9080",
        "order_id": "01930000-0000-7003-8000-000000000001",
        "user_id": "01930000-0000-7001-8000-000000000001",
        "status": status,
        "amount": "1978.90",
        "refunded_amount": "0.00",
        "currency": "USD",
        "method": "pm_card_visa",
        "refunds": [],
        "created_at": "2026-11-21T06:30:31.000Z",
        "updated_at": "2026-11-21T06:30:32.000Z",
    })
}
