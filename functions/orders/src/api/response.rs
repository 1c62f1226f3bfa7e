//! Orders in responses.

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
pub(super) struct OrderResponse<'a> {
    id: OrderId,
    user_id: UserId,
    status: Status,
    items: Vec<ItemResponse<'a>>,
    #[schemars(schema_with = "kernel::decimal_schema")]
    total_amount: String,
    currency: Currency,
    created_at: Timestamp,
    updated_at: Timestamp,
    /// The payment of the order, once it is sold.
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_id: Option<PaymentId>,
    /// Why the order was cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    cancel_reason: Option<CancelReason>,
    /// The payment, with `expand=payment`, as soon as it was captured or has failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) payment: Option<PaymentResponse<'a>>,
    /// The last hundred events, the oldest first, with `expand=timeline`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) timeline: Option<Vec<TimelineEntry>>,
    /// How long the request took to process. Only in responses that place an order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) processing_duration_ms: Option<u64>,
}

/// One product of an order, at its price when the order was placed.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OrderItem")]
struct ItemResponse<'a> {
    product_id: ProductId,
    name: &'a str,
    quantity: Quantity,
    #[schemars(schema_with = "kernel::decimal_schema")]
    unit_price: String,
}

impl<'a> From<&'a Order> for OrderResponse<'a> {
    fn from(order: &'a Order) -> Self {
        let items = order.lines.iter().map(|line| ItemResponse {
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

/// The payment of an order.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PaymentOfOrder")]
pub(super) struct PaymentResponse<'a> {
    id: PaymentId,
    status: PaymentStatus,
    #[schemars(schema_with = "kernel::decimal_schema")]
    amount: String,
    /// The amount that was refunded so far.
    #[schemars(schema_with = "kernel::decimal_schema")]
    refunded_amount: String,
    currency: Currency,
    /// The provider's code for why the payment failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_reason: Option<&'a str>,
    updated_at: Timestamp,
}

/// The status of an order's payment.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "PaymentOfOrderStatus")]
enum PaymentStatus {
    /// The amount was captured.
    Processed,
    /// The payment failed.
    Failed,
    /// A part of the amount was refunded.
    PartlyRefunded,
    /// The whole amount was refunded.
    Refunded,
}

impl<'a> From<&'a Payment> for PaymentResponse<'a> {
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

/// An event of an order, in short.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OrderMoment")]
pub(super) struct TimelineEntry {
    /// The number of the event within the order, from 1.
    sequence: u64,
    #[serde(rename = "type")]
    event_type: &'static str,
    time: Timestamp,
}

impl From<&Entry> for TimelineEntry {
    fn from(entry: &Entry) -> Self {
        let envelope = &entry.envelope;
        Self { sequence: envelope.sequence, event_type: envelope.event.event_type(), time: envelope.timestamp }
    }
}

/// Returns an example like the first order of the seed, with `status`.
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

/// Returns an example of an order that was just placed.
pub(super) fn placed_example() -> Value {
    let mut placed = example("pending");
    placed["processing_duration_ms"] = json!(7);
    placed
}
