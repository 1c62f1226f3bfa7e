use kernel::ProductId;
use lambda::{
    http::{self, Reply, Request},
    openapi::Operation,
    problem::Problem,
};

use super::answer::{ProductAnswer, example};
use crate::Catalog;

/// `GET /products/{product_id}`
pub async fn get_product(catalog: &Catalog, request: &Request) -> Reply {
    let id: ProductId = request.id("product_id", "product")?;
    let product = catalog.find(id).await?.ok_or_else(|| Problem::not_found("product"))?;
    http::ok(&ProductAnswer::from(&product))
}

/// How the document tells of it.
pub(super) fn operation() -> Operation {
    Operation::new("GET /api/v1/products/{product_id}", "getProduct", "One product")
        .ok::<ProductAnswer<'_>>("The product.", example())
}
