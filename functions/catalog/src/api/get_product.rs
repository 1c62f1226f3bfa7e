use kernel::ProductId;
use lambda::{
    http::{self, Reply, Request},
    problem::Problem,
};

use super::answer::ProductAnswer;
use crate::Catalog;

/// `GET /products/{product_id}`
pub async fn get_product(catalog: &Catalog, request: &Request) -> Reply {
    let id: ProductId = request.id("product_id", "product")?;
    let product = catalog.find(id).await?.ok_or_else(|| Problem::not_found("product"))?;
    http::ok(&ProductAnswer::from(&product))
}
