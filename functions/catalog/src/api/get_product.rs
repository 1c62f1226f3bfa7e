use kernel::ProductId;
use lambda::{
    http::{Reply, Request},
    openapi::Operation,
};

use super::{
    answer::{ProductAnswer, example},
    kept,
};
use crate::{Cache, Catalog};

/// `GET /products/{product_id}`
pub async fn get_product((catalog, cache): &(Catalog, Cache), request: &Request) -> Reply {
    let id: ProductId = request.id("product_id", "product")?;
    let version = catalog.version().await?.version;
    kept::answer(cache, request, version, id.to_string(), async || {
        let product = catalog.find(id).await?;
        kept::keep(&ProductAnswer::from(&product), product.etag(), request.now)
    })
    .await
}

/// How the document tells of it.
pub(super) fn operation() -> Operation {
    Operation::new("GET /api/v1/products/{product_id}", "getProduct", "One product")
        .describe("The answer may have been kept, but is never older than the last write that was acknowledged.")
        .if_none_match()
        .kept()
        .ok::<ProductAnswer<'_>>("The product.", example())
}
