use kernel::ProductId;
use lambda::{
    http::{ApiRequest, Reply, Request},
    openapi::Operation,
    policy::{Access, Route},
};

use super::{
    cached,
    response::{ProductResponse, example},
};
use crate::{Cache, Catalog};

pub(crate) const ROUTE: Route = Route::new("GET /api/v1/products/{product_id}", Access::Anyone);

/// `GET /products/{product_id}`: returns a product that is for sale.
pub async fn get_product((catalog, cache): &(Catalog, Cache), request: Request) -> Reply {
    let id: ProductId = request.id("product_id", "product")?;
    let version = catalog.version().await?.version;
    cached::respond(cache, &request, version, id.to_string(), async || {
        let product = catalog.find(id).await?;
        cached::cacheable(&ProductResponse::from(&product), product.etag(), request.now())
    })
    .await
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    Operation::new(ROUTE, "getProduct", "Get a product")
        .describe("The response may come from a cache, but it is never older than the last acknowledged write.")
        .if_none_match()
        .cached()
        .ok::<ProductResponse<'_>>("The product.", example())
}
