use lambda::{
    http::{self, ApiRequest, Reply, Request},
    openapi::Operation,
    policy::{Access, Limit, Route},
};

use crate::{Catalog, CatalogError};

pub(crate) const ROUTE: Route =
    Route::new("DELETE /api/v1/products/{product_id}", Access::Admin).limited(Limit::Writes);

/// `DELETE /products/{product_id}`: archives a product. Existing orders of it are not affected.
pub async fn archive_product(catalog: &Catalog, request: Request) -> Reply {
    catalog.archive(request.id("product_id", "product")?, &request).await?;
    http::no_content()
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    Operation::new(ROUTE, "archiveProduct", "Archive a product")
        .describe("The product is no longer for sale. Existing orders of it are not affected.")
        .if_match()
        .no_content("The product is archived.")
        .refuses(CatalogError::Stale)
        .refuses(CatalogError::Busy)
}
