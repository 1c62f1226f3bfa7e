//! Stock as a caller sees it.

use kernel::ProductId;
use serde::Serialize;

use crate::domain::Stock;

#[derive(Serialize)]
pub(super) struct StockAnswer {
    product_id: ProductId,
    available: i64,
    reserved: i64,
    on_hand: i64,
}

impl From<Stock> for StockAnswer {
    fn from(stock: Stock) -> Self {
        Self {
            product_id: stock.product_id,
            available: stock.available,
            reserved: stock.reserved,
            on_hand: stock.on_hand(),
        }
    }
}
