use lambda::{
    http::{self, Reply, Request},
    openapi::Operation,
    policy::{Access, Route},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::Catalog;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ProductStats")]
struct StatsResponse {
    /// Products that are for sale.
    for_sale: u64,
    /// Products that are archived.
    archived: u64,
    /// Products that were ever created.
    created: u64,
    /// A number that grows whenever readers may see something else. The steps have no fixed size.
    version: u64,
}

pub(crate) const ROUTE: Route = Route::new("GET /api/v1/products/stats", Access::Admin);

/// `GET /products/stats`: returns product counters, which include every acknowledged write.
pub async fn product_stats(catalog: &Catalog, _: Request) -> Reply {
    let now = catalog.version().await?;
    http::ok(&StatsResponse {
        for_sale: now.for_sale,
        archived: now.archived,
        created: now.created,
        version: now.version,
    })
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    let example = json!({ "for_sale": 10, "archived": 2, "created": 12, "version": 38 });
    Operation::new(ROUTE, "getProductStats", "Get the number of products")
        .ok::<StatsResponse>("The counters, which include every acknowledged write.", example)
}
