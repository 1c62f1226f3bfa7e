use lambda::{
    http::{self, Reply, Request},
    openapi::Operation,
};

use crate::{Catalog, CatalogError};

/// `DELETE /products/{product_id}`: takes a product out of the catalog. Orders of it go on.
pub async fn archive_product(catalog: &Catalog, request: &Request) -> Reply {
    catalog.archive(request.id("product_id", "product")?, request).await?;
    http::no_content()
}

/// How the document tells of it.
pub(super) fn operation() -> Operation {
    Operation::new("DELETE /api/v1/products/{product_id}", "archiveProduct", "Take a product out of the catalog")
        .describe("It is not sold any more; orders of it go on.")
        .if_match()
        .no_content("It is archived.")
        .refuses(CatalogError::Stale)
        .refuses(CatalogError::Busy)
}
