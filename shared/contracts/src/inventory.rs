//! What `inventory` tells.

use kernel::{OrderId, ProductId};
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
    }
);

/// An order's pieces were set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockReserved {
    /// For which order.
    pub order_id: OrderId,
    /// What.
    pub lines: Vec<StockLine>,
}

/// Pieces that were set aside for an order, or sold to it, are for sale again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockReleased {
    /// From which order.
    pub order_id: OrderId,
    /// What.
    pub lines: Vec<StockLine>,
}

/// There was too little for an order; nothing was set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockRejected {
    /// For which order.
    pub order_id: OrderId,
    /// What there was too little of.
    pub short: Vec<ProductId>,
}
