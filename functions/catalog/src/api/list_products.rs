use lambda::{
    cursor::Cursors,
    http::{Reply, Request},
    openapi::Operation,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::{
    answer::{ProductAnswer, example},
    kept,
};
use crate::{
    Cache, Catalog,
    domain::{Category, Sort},
};

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ProductList")]
pub(super) struct ListAnswer<'a> {
    pub items: Vec<ProductAnswer<'a>>,
    pub next_cursor: Option<String>,
}

/// `GET /products`: `?sort=`, by name if none is given; `?category=` in any case of letters.
///
/// A list's entity tag is the version of the catalog, so that whether a caller has it is known after reading that alone.
pub async fn list_products((catalog, cursors, cache): &(Catalog, Cursors, Cache), request: &Request) -> Reply {
    let limit = request.limit()?;
    let sort = request.parsed_query::<Sort>("sort")?.unwrap_or_default();
    let category = request.parsed_query::<Category>("category")?;
    let scope = format!("GET /products {sort:?} {:?}", category.as_deref().map(str::to_lowercase));
    let after = request.query("cursor").map(|cursor| cursors.open(&scope, &cursor)).transpose()?;
    let version = catalog.version().await?.version;
    let etag = format!("\"{version}\"");
    if request.has_seen(&etag) {
        return Ok(kept::not_modified(etag));
    }
    let key = format!("{scope} {limit} {after:?}");
    kept::answer(cache, request, version, key, async || {
        let (page, next) = catalog.list(category.as_deref(), sort, after, limit).await?;
        let next_cursor = next.map(|next| cursors.seal(&scope, &next));
        let answer = ListAnswer { items: page.iter().map(ProductAnswer::from).collect(), next_cursor };
        kept::keep(&answer, etag, request.now)
    })
    .await
}

/// How the document tells of it.
pub(super) fn operation() -> Operation {
    Operation::new("GET /api/v1/products", "listProducts", "Products by name, price or age")
        .describe("An answer may have been kept, but is never older than the last write that was acknowledged.")
        .query::<Category>("category", "Only of this category, in any case of letters.", "computers")
        .query::<Sort>("sort", "In which order; by name if it is not given.", "-price")
        .list()
        .if_none_match()
        .kept()
        .ok::<ListAnswer<'_>>("A page of products.", json!({ "items": [example()], "next_cursor": null }))
}
