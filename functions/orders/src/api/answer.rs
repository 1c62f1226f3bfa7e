//! An order as a caller sees it.

use contracts::{CancelReason, Event};
use kernel::{Currency, OrderId, PaymentId, ProductId, Quantity, Timestamp, UserId};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    domain::{Order, Payment, Status},
    store::Entry,
};

/// An order.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Order")]
pub(super) struct OrderAnswer<'a> {
    id: OrderId,
    user_id: UserId,
    status: Status,
    items: Vec<ItemAnswer<'a>>,
    #[schemars(schema_with = "kernel::decimal_schema")]
    total_amount: String,
    currency: Currency,
    created_at: Timestamp,
    updated_at: Timestamp,
    /// The payment that was captured for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_id: Option<PaymentId>,
    /// Why it was cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    cancel_reason: Option<CancelReason>,
    /// With `expand=payment`, once something was heard of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) payment: Option<PaymentAnswer<'a>>,
    /// With `expand=timeline`: its last hundred events, the oldest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) timeline: Option<Vec<MomentAnswer>>,
    /// How long the request took up to this answer; only where an order is placed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) processing_duration_ms: Option<u64>,
}

/// One product of an order, at the price of the day it was placed.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OrderItem")]
struct ItemAnswer<'a> {
    product_id: ProductId,
    name: &'a str,
    quantity: Quantity,
    #[schemars(schema_with = "kernel::decimal_schema")]
    unit_price: String,
}

impl<'a> From<&'a Order> for OrderAnswer<'a> {
    fn from(order: &'a Order) -> Self {
        let items = order.lines.iter().map(|line| ItemAnswer {
            product_id: line.product_id,
            name: &line.name,
            quantity: line.quantity,
            unit_price: line.unit_price.to_decimal(),
        });
        Self {
            id: order.id,
            user_id: order.user_id,
            status: order.status,
            items: items.collect(),
            total_amount: order.total.to_decimal(),
            currency: order.total.currency(),
            created_at: order.placed_at,
            updated_at: order.updated_at,
            payment_id: order.payment_id,
            cancel_reason: order.cancel_reason,
            payment: None,
            timeline: None,
            processing_duration_ms: None,
        }
    }
}

/// What is known of an order's payment.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PaymentOfOrder")]
pub(super) struct PaymentAnswer<'a> {
    id: PaymentId,
    status: PaymentStatus,
    #[schemars(schema_with = "kernel::decimal_schema")]
    amount: String,
    /// What went back of it so far.
    #[schemars(schema_with = "kernel::decimal_schema")]
    refunded_amount: String,
    currency: Currency,
    /// The provider's word for why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_reason: Option<&'a str>,
    updated_at: Timestamp,
}

/// How far an order's payment has come.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "PaymentOfOrderStatus")]
enum PaymentStatus {
    /// The money came.
    Processed,
    /// No money will come.
    Failed,
    /// A part went back.
    PartlyRefunded,
    /// All of it went back.
    Refunded,
}

impl<'a> From<&'a Payment> for PaymentAnswer<'a> {
    fn from(payment: &'a Payment) -> Self {
        let status = if payment.is_refund_of(payment.amount) {
            PaymentStatus::Refunded
        } else if !payment.refunds.is_empty() {
            PaymentStatus::PartlyRefunded
        } else if payment.captured {
            PaymentStatus::Processed
        } else {
            PaymentStatus::Failed
        };
        Self {
            id: payment.id,
            status,
            amount: payment.amount.to_decimal(),
            refunded_amount: payment.refunded().to_decimal(),
            currency: payment.amount.currency(),
            failure_reason: payment.failure_reason.as_deref(),
            updated_at: payment.updated_at,
        }
    }
}

/// Something that happened to an order, in short.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OrderMoment")]
pub(super) struct MomentAnswer {
    /// Its place among the order's events, from 1.
    sequence: u64,
    #[serde(rename = "type")]
    event_type: &'static str,
    time: Timestamp,
}

impl From<&Entry> for MomentAnswer {
    fn from(entry: &Entry) -> Self {
        let envelope = &entry.envelope;
        Self { sequence: envelope.sequence, event_type: envelope.event.event_type(), time: envelope.timestamp }
    }
}

/// An order like the seed's first, in the state `status`.
pub(super) fn example(status: &str) -> Value {
    json!({
        "id": "01930000-0000-7003-8000-000000000001",
        "user_id": "01930000-0000-7001-8000-000000000001",
        "status": status,
        "items": [{
            "product_id": "01930000-0000-7002-8000-000000000003",
            "name": "Mechanical Keyboard",
            "quantity": 2,
            "unit_price": "129.90",
        }],
        "total_amount": "259.80",
        "currency": "USD",
        "created_at": "2026-11-21T06:30:31.000Z",
        "updated_at": "2026-11-21T06:30:31.000Z",
    })
}

/// The answer to an order that was just placed.
pub(super) fn placed_example() -> Value {
    let mut placed = example("pending");
    placed["processing_duration_ms"] = json!(7);
    placed
}
