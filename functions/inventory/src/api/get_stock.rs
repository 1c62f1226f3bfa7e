use kernel::ProductId;
use lambda::http::{self, Reply, Request};

use super::answer::StockAnswer;
use crate::Inventory;

/// `GET /products/{product_id}/inventory`
pub async fn get_stock(inventory: &Inventory, request: &Request) -> Reply {
    let id: ProductId = request.id("product_id", "product")?;
    http::ok(&StockAnswer::from(inventory.stock(id).await?))
}
