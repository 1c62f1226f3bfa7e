use lambda::{
    cursor::Cursors,
    http::{self, Reply, Request},
};
use serde::Serialize;

use super::answer::ProductAnswer;
use crate::Catalog;

#[derive(Serialize)]
struct ListAnswer<'a> {
    items: Vec<ProductAnswer<'a>>,
    next_cursor: Option<String>,
}

/// `GET /products`: by name; `?category=` in any case of letters.
pub async fn list_products((catalog, cursors): &(Catalog, Cursors), request: &Request) -> Reply {
    let limit = request.limit()?;
    let category = request.query("category");
    let scope = format!("GET /products {:?}", category.as_deref().map(str::to_lowercase));
    let after = request.query("cursor").map(|cursor| cursors.open(&scope, &cursor)).transpose()?;
    let (page, next) = catalog.list(category.as_deref(), after, limit).await?;
    let next_cursor = next.map(|next| cursors.seal(&scope, &next));
    http::ok(&ListAnswer { items: page.iter().map(ProductAnswer::from).collect(), next_cursor })
}
