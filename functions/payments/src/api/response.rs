//! The representation of a payment in responses.

use kernel::{Currency, OrderId, PaymentId, RefundId, Timestamp, UserId};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::domain::{Payment, Refund, RefundStatus, Status};

/// A payment of an order.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Payment")]
pub(super) struct PaymentResponse<'a> {
    id: PaymentId,
    order_id: OrderId,
    user_id: UserId,
    status: Status,
    #[schemars(schema_with = "kernel::decimal_schema")]
    amount: String,
    /// The sum of all refunds that have succeeded.
    #[schemars(schema_with = "kernel::decimal_schema")]
    refunded_amount: String,
    currency: Currency,
    /// The payment provider's token of the payment method.
    method: &'a str,
    /// The provider's code for why the payment was declined or cannot be captured.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_reason: Option<&'a str>,
    /// All refunds, pending and failed ones too, oldest first.
    refunds: Vec<RefundResponse<'a>>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// A refund of a payment.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Refund")]
pub(super) struct RefundResponse<'a> {
    id: RefundId,
    /// A `pending` refund is retried until the provider responds.
    status: RefundStatus,
    #[schemars(schema_with = "kernel::decimal_schema")]
    amount: String,
    /// The reason, as stated in the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    /// The provider's code for why the refund failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_reason: Option<&'a str>,
    created_at: Timestamp,
}

impl<'a> From<&'a Payment> for PaymentResponse<'a> {
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
            refunds: payment.refunds.iter().map(RefundResponse::from).collect(),
            created_at: payment.created_at,
            updated_at: payment.updated_at,
        }
    }
}

impl<'a> From<&'a Refund> for RefundResponse<'a> {
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

/// Returns the existing payment for a problem document.
pub(super) fn existing(payment: &Payment) -> Value {
    serde_json::to_value(PaymentResponse::from(payment)).unwrap_or_default()
}

/// Returns the payment of the first order of the seed.
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
