//! The events that `inventory` publishes.

use kernel::{OrderId, ProductId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::StockLine;

crate::events!(
    /// The events of stock.
    InventoryEvent from "inventory" {
        /// Stock was reserved for an order.
        StockReserved,
        /// Reserved or sold stock is available again.
        StockReleased,
        /// There was not enough stock for an order.
        StockRejected,
        /// A reservation has expired without a sale.
        ReservationExpired,
        /// The stock of a product has changed.
        StockChanged,
        /// The available stock of a product has fallen below its threshold.
        StockRanLow,
    }
);

/// Stock was reserved for an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockReserved {
    /// The order.
    pub order_id: OrderId,
    /// The reserved products and quantities.
    pub lines: Vec<StockLine>,
}

/// Stock that was reserved for an order, or sold to it, is available again. For a large order, one event has a part of
/// its lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockReleased {
    /// The order.
    pub order_id: OrderId,
    /// The released products and quantities.
    pub lines: Vec<StockLine>,
}

/// There was not enough stock for an order. Nothing was reserved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockRejected {
    /// The order.
    pub order_id: OrderId,
    /// The products of which there is too little stock.
    pub short: Vec<ProductId>,
}

/// A reservation has expired, and the order was not sold. The stock stays reserved until the order has ended: `orders`
/// cancels the order if it was not paid. The event is published again for as long as the reservation stays open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReservationExpired {
    /// The order.
    pub order_id: OrderId,
    /// The reserved products and quantities.
    pub lines: Vec<StockLine>,
}

/// The stock of a product has changed. The event has the new state. When the stock changes several times at once, only
/// the last state is published, so the sequence may have gaps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockChanged {
    /// The product.
    pub product_id: ProductId,
    /// The number of pieces that are for sale.
    pub available: i64,
    /// The number of pieces that are reserved for orders in checkout.
    pub reserved: i64,
    /// The sum of `available` and `reserved`.
    pub on_hand: i64,
    /// The stock level.
    pub level: StockLevel,
    /// Whether the level differs from the one in the last `StockChanged` of this product.
    pub level_changed: bool,
}

/// The stock level of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StockLevel {
    /// The available stock is at or above the threshold.
    InStock,
    /// Some stock is available, but less than the threshold.
    Low,
    /// No stock is available.
    SoldOut,
}

/// The available stock of a product has fallen below its threshold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockRanLow {
    /// The product.
    pub product_id: ProductId,
    /// The number of pieces that are for sale.
    pub available: i64,
    /// The number of pieces that should be available at least.
    pub threshold: i64,
}
