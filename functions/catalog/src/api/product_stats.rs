use lambda::{
    http::{self, Reply, Request},
    openapi::Operation,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::Catalog;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ProductStats")]
struct StatsAnswer {
    /// How many products are for sale.
    for_sale: u64,
    /// How many were taken out of the catalog.
    archived: u64,
    /// How many ever came into it.
    created: u64,
    /// Grows whenever readers may see something else, by no fixed step.
    version: u64,
}

/// `GET /products/stats`: counters, exact to the last write.
pub async fn product_stats(catalog: &Catalog, _: &Request) -> Reply {
    let now = catalog.version().await?;
    http::ok(&StatsAnswer {
        for_sale: now.for_sale,
        archived: now.archived,
        created: now.created,
        version: now.version,
    })
}

/// How the document tells of it.
pub(super) fn operation() -> Operation {
    let example = json!({ "for_sale": 10, "archived": 2, "created": 12, "version": 38 });
    Operation::new("GET /api/v1/products/stats", "getProductStats", "How many products there are")
        .ok::<StatsAnswer>("The counters, exact to the last write.", example)
}
