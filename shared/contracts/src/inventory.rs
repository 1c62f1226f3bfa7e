//! What `inventory` tells.

use kernel::{OrderId, ProductId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::StockLine;

crate::events!(
    /// The events of stock.
    InventoryEvent from "inventory" {
        /// An order's pieces were set aside.
        StockReserved,
        /// Pieces that were set aside, or sold, are for sale again.
        StockReleased,
        /// There was too little for an order.
        StockRejected,
        /// Something is set aside for longer than it may be.
        ReservationExpired,
        /// What there is of a product has changed.
        StockChanged,
        /// There is less for sale of a product than the shop wants there to be.
        StockRanLow,
    }
);

/// An order's pieces were set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockReserved {
    /// For which order.
    pub order_id: OrderId,
    /// What.
    pub lines: Vec<StockLine>,
}

/// Pieces that were set aside for an order, or sold to it, are for sale again; of a large order, a part of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockReleased {
    /// From which order.
    pub order_id: OrderId,
    /// What.
    pub lines: Vec<StockLine>,
}

/// There was too little for an order; nothing was set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockRejected {
    /// For which order.
    pub order_id: OrderId,
    /// What there was too little of.
    pub short: Vec<ProductId>,
}

/// What was set aside for an order is so for longer than it may be, and was not sold. It stays set aside until the order is known to
/// have ended: whoever keeps orders ends it, if nobody has paid. Told again as long as nothing comes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReservationExpired {
    /// For which order.
    pub order_id: OrderId,
    /// What.
    pub lines: Vec<StockLine>,
}

/// What there is of a product has changed; it is now as told here. Of several changes at the same moment the last is told, so the
/// sequence may leap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockChanged {
    /// Of what.
    pub product_id: ProductId,
    /// For sale.
    pub available: i64,
    /// Set aside for orders that are being paid.
    pub reserved: i64,
    /// Both together.
    pub on_hand: i64,
    /// How well the product is stocked.
    pub level: StockLevel,
    /// Whether it was stocked otherwise when this was last told.
    pub level_changed: bool,
}

/// How well a product is stocked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StockLevel {
    /// As well as the shop wants.
    InStock,
    /// Something is for sale, but less than the shop wants there to be.
    Low,
    /// Nothing is for sale.
    SoldOut,
}

/// There is less for sale of a product than the shop wants there to be, and a moment ago there was enough.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockRanLow {
    /// Of what.
    pub product_id: ProductId,
    /// For sale.
    pub available: i64,
    /// How much there should be at least.
    pub threshold: i64,
}
