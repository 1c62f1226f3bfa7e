use lambda::{
    cursor::Cursors,
    http::{ApiRequest, Reply, Request},
    openapi::Operation,
    policy::{Access, Route},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::{
    cached,
    response::{ProductResponse, example},
};
use crate::{
    Cache, Catalog,
    domain::{Category, Sort},
};

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ProductList")]
pub(super) struct ListResponse<'a> {
    pub items: Vec<ProductResponse<'a>>,
    pub next_cursor: Option<String>,
}

pub(crate) const ROUTE: Route = Route::new("GET /api/v1/products", Access::Anyone);

/// `GET /products`: lists products, sorted by `?sort=` (default: by name), of all categories or of `?category=`
/// regardless of case.
///
/// The entity tag of a list is the version of the catalog, so that reading the version is enough to return 304.
pub async fn list_products((catalog, cursors, cache): &(Catalog, Cursors, Cache), request: Request) -> Reply {
    let limit = request.limit()?;
    let sort = request.parsed_query::<Sort>("sort")?.unwrap_or_default();
    let category = request.parsed_query::<Category>("category")?;
    let scope = format!("GET /products {sort:?} {:?}", category.as_deref().map(str::to_lowercase));
    let after = request.query("cursor").map(|cursor| cursors.open(&scope, &cursor)).transpose()?;
    let version = catalog.version().await?.version;
    let etag = format!("\"{version}\"");
    if request.matches_if_none_match(&etag) {
        return Ok(cached::not_modified(etag));
    }
    let key = format!("{scope} {limit} {after:?}");
    cached::respond(cache, &request, version, key, async || {
        let (page, next) = catalog.list(category.as_deref(), sort, after, limit).await?;
        let next_cursor = next.map(|next| cursors.seal(&scope, &next));
        let list = ListResponse { items: page.iter().map(ProductResponse::from).collect(), next_cursor };
        cached::cacheable(&list, etag, request.now())
    })
    .await
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    Operation::new(ROUTE, "listProducts", "List products by name, price or age")
        .describe("The response may come from a cache, but it is never older than the last acknowledged write.")
        .query::<Category>("category", "Only products of this category, regardless of case.", "computers")
        .query::<Sort>("sort", "The order of the list. The default is by name.", "-price")
        .list()
        .if_none_match()
        .cached()
        .ok::<ListResponse<'_>>("A page of products.", json!({ "items": [example()], "next_cursor": null }))
}
