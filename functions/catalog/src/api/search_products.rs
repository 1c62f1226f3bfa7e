use kernel::Text;
use lambda::{
    cursor::Cursors,
    http::{self, Reply, Request},
    openapi::Operation,
    problem::{FieldError, Problem},
};
use serde_json::json;

use super::{
    answer::{ProductAnswer, example},
    list_products::ListAnswer,
};
use crate::search::{find::place, index::SearchIndex};

/// What is searched for.
type SearchText = Text<1, 200>;

/// `GET /products/search`: products by their words, the best first.
pub async fn search_products((index, cursors): &(SearchIndex, Cursors), request: &Request) -> Reply {
    let limit = request.limit()?;
    let text = request.parsed_query::<SearchText>("q")?.ok_or_else(missing)?;
    let scope = format!("GET /products/search {:?}", &*text);
    let from = request.query("cursor").map(|cursor| cursors.open(&scope, &cursor)).transpose()?;
    let page = index.find(&text, from.map_or(0, |from| place(&from)), limit).await?;
    let next_cursor = page.next.map(|next| cursors.seal(&scope, &next.to_string()));
    http::ok(&ListAnswer { items: page.products.iter().map(ProductAnswer::from).collect(), next_cursor })
}

fn missing() -> Problem {
    Problem::validation(vec![FieldError::new("q", kernel::Invalid::new("required", "is required"))])
}

/// How the document tells of it.
pub(super) fn operation() -> Operation {
    Operation::new("GET /api/v1/products/search", "searchProducts", "Products by their words")
        .describe(
            "The words of names, categories and descriptions; in any case of letters, with or without accents, in the singular or \
             the plural. The last word need not be typed to its end, and in a word of five letters or more one may be wrong. \
             Products that have all the words come first. The answer is a moment behind the catalog, and a page may have fewer \
             entries than `limit` although another follows.",
        )
        .required_query::<SearchText>("q", "What is searched for.", "lapt")
        .list()
        .ok::<ListAnswer<'_>>("A page of products, the best first.", json!({ "items": [example()], "next_cursor": null }))
}
