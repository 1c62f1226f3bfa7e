//! An order as a caller sees it.

use contracts::CancelReason;
use kernel::{Currency, OrderId, PaymentId, ProductId, Quantity, Timestamp, UserId};
use serde::Serialize;

use crate::domain::{Order, Status};

#[derive(Serialize)]
pub(super) struct OrderAnswer<'a> {
    id: OrderId,
    user_id: UserId,
    status: Status,
    items: Vec<ItemAnswer<'a>>,
    total_amount: String,
    currency: Currency,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_id: Option<PaymentId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancel_reason: Option<CancelReason>,
    /// How long the request took up to this answer; only where an order is placed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) processing_duration_ms: Option<u64>,
}

#[derive(Serialize)]
struct ItemAnswer<'a> {
    product_id: ProductId,
    name: &'a str,
    quantity: Quantity,
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
            processing_duration_ms: None,
        }
    }
}
