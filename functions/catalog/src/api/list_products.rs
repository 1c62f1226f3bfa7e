use lambda::{
    cursor::Cursors,
    http::{self, Reply, Request},
    openapi::Operation,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::answer::{ProductAnswer, example};
use crate::{Catalog, domain::Category};

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ProductList")]
pub(super) struct ListAnswer<'a> {
    pub items: Vec<ProductAnswer<'a>>,
    pub next_cursor: Option<String>,
}

/// `GET /products`: by name; `?category=` in any case of letters.
pub async fn list_products((catalog, cursors): &(Catalog, Cursors), request: &Request) -> Reply {
    let limit = request.limit()?;
    let category = request.parsed_query::<Category>("category")?;
    let scope = format!("GET /products {:?}", category.as_deref().map(str::to_lowercase));
    let after = request.query("cursor").map(|cursor| cursors.open(&scope, &cursor)).transpose()?;
    let (page, next) = catalog.list(category.as_deref(), after, limit).await?;
    let next_cursor = next.map(|next| cursors.seal(&scope, &next));
    http::ok(&ListAnswer { items: page.iter().map(ProductAnswer::from).collect(), next_cursor })
}

/// How the document tells of it.
pub(super) fn operation() -> Operation {
    Operation::new("GET /api/v1/products", "listProducts", "Products by name")
        .query::<Category>("category", "Only of this category, in any case of letters.", "computers")
        .list()
        .ok::<ListAnswer<'_>>("A page of products.", json!({ "items": [example()], "next_cursor": null }))
}
