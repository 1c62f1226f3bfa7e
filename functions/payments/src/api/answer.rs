//! A payment as a caller sees it.

use kernel::{Currency, OrderId, PaymentId, Timestamp, UserId};
use serde::Serialize;

use crate::domain::{Payment, Status};

#[derive(Serialize)]
pub(super) struct PaymentAnswer<'a> {
    id: PaymentId,
    order_id: OrderId,
    user_id: UserId,
    status: Status,
    amount: String,
    currency: Currency,
    method: &'a str,
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
