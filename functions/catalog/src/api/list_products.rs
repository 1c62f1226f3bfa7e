use lambda::http::{self, Reply, Request};
use serde::Serialize;

use super::answer::ProductAnswer;
use crate::Catalog;

#[derive(Serialize)]
struct ListAnswer<'a> {
    items: Vec<ProductAnswer<'a>>,
    next_cursor: Option<String>,
}

/// `GET /products`: by name; `?category=` in any case of letters.
pub async fn list_products(catalog: &Catalog, request: &Request) -> Reply {
    let limit = request.limit()?;
    let category = request.query("category");
    let scope = format!("GET /products {:?}", category.map(str::to_lowercase));
    let after = request.query("cursor").map(|cursor| catalog.cursors.open(&scope, cursor)).transpose()?;
    let (page, next) = catalog.list(category, after, limit).await?;
    let next_cursor = next.map(|next| catalog.cursors.seal(&scope, &next));
    http::ok(&ListAnswer { items: page.iter().map(ProductAnswer::from).collect(), next_cursor })
}
