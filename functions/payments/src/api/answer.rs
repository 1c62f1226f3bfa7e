//! A payment as a caller sees it.

use kernel::{Currency, OrderId, PaymentId, Timestamp, UserId};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::domain::{Payment, Status};

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
    currency: Currency,
    /// The provider's token of the means of payment.
    method: &'a str,
    /// The provider's word for why it was declined.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_reason: Option<&'a str>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl<'a> From<&'a Payment> for PaymentAnswer<'a> {
    fn from(payment: &'a Payment) -> Self {
        Self {
            id: payment.id,
            order_id: payment.order_id,
            user_id: payment.user_id,
            status: payment.status,
            amount: payment.amount.to_decimal(),
            currency: payment.amount.currency(),
            method: &payment.method,
            failure_reason: payment.failure_reason.as_deref(),
            created_at: payment.created_at,
            updated_at: payment.updated_at,
        }
    }
}

/// A payment of the seed's first order.
pub(super) fn example() -> Value {
    json!({
        "id": "01930000-0000-74e8-b825-4ecc199c9080",
        "order_id": "01930000-0000-7003-8000-000000000001",
        "user_id": "01930000-0000-7001-8000-000000000001",
        "status": "captured",
        "amount": "1978.90",
        "currency": "USD",
        "method": "pm_card_visa",
        "created_at": "2026-11-21T06:30:31.000Z",
        "updated_at": "2026-11-21T06:30:32.000Z",
    })
}
