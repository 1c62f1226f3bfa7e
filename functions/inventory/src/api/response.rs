//! Stock in responses.

use kernel::ProductId;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::domain::Stock;

/// The stock of a product.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Stock")]
pub(super) struct StockResponse {
    product_id: ProductId,
    /// Pieces for sale.
    available: i64,
    /// Pieces that are reserved for orders whose payment is not completed.
    reserved: i64,
    /// Available and reserved pieces together.
    on_hand: i64,
}

impl From<&Stock> for StockResponse {
    fn from(stock: &Stock) -> Self {
        Self {
            product_id: stock.product_id,
            available: stock.available(),
            reserved: stock.reserved(),
            on_hand: stock.on_hand(),
        }
    }
}

/// The stock of the first seeded product.
pub(super) fn example() -> Value {
    json!({ "product_id": "01930000-0000-7002-8000-000000000001", "available": 98, "reserved": 2, "on_hand": 100 })
}
