use kernel::ProductId;
use lambda::{
    http::{self, ApiRequest, Reply, Request},
    openapi::Operation,
    policy::{Access, Route},
};

use super::response::{StockResponse, example};
use crate::Inventory;

pub(crate) const ROUTE: Route = Route::new("GET /api/v1/products/{product_id}/inventory", Access::Anyone);

/// `GET /products/{product_id}/inventory`: returns the stock of a product.
pub async fn get_stock(inventory: &Inventory, request: Request) -> Reply {
    let id: ProductId = request.id("product_id", "product")?;
    http::ok(&StockResponse::from(&inventory.stock(id).await?))
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    Operation::new(ROUTE, "getStock", "Get the stock of a product")
        .ok::<StockResponse>("The stock of the product.", example())
}
