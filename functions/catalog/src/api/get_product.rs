use kernel::ProductId;
use lambda::{
    http::{self, Reply, Request},
    openapi::Operation,
};

use super::answer::{ProductAnswer, example};
use crate::Catalog;

/// `GET /products/{product_id}`
pub async fn get_product(catalog: &Catalog, request: &Request) -> Reply {
    let id: ProductId = request.id("product_id", "product")?;
    let product = catalog.find(id).await?;
    if request.has_seen(&product.etag()) {
        return Ok(http::not_modified(product.etag()));
    }
    http::ok(&ProductAnswer::from(&product)).map(|answer| answer.header("etag", product.etag()))
}

/// How the document tells of it.
pub(super) fn operation() -> Operation {
    Operation::new("GET /api/v1/products/{product_id}", "getProduct", "One product")
        .if_none_match()
        .ok::<ProductAnswer<'_>>("The product.", example())
}
