use kernel::Text;
use lambda::{
    cursor::Cursors,
    http::{self, ApiRequest, Reply, Request},
    openapi::Operation,
    policy::{Access, Route},
    problem::{FieldError, Problem},
};
use serde_json::json;

use super::{
    list_products::ListResponse,
    response::{ProductResponse, example},
};
use crate::search::{find::position, index::SearchIndex};

/// The text to search for.
type SearchText = Text<1, 200>;

pub(crate) const ROUTE: Route = Route::new("GET /api/v1/products/search", Access::Anyone);

/// `GET /products/search`: searches products by their words and returns the best matches first.
pub async fn search_products((index, cursors): &(SearchIndex, Cursors), request: Request) -> Reply {
    let limit = request.limit()?;
    let text = request.parsed_query::<SearchText>("q")?.ok_or_else(missing)?;
    let scope = format!("GET /products/search {:?}", &*text);
    let from = request.query("cursor").map(|cursor| cursors.open(&scope, &cursor)).transpose()?;
    let page = index.find(&text, from.map_or(0, |from| position(&from)), limit).await?;
    let next_cursor = page.next.map(|next| cursors.seal(&scope, &next.to_string()));
    http::ok(&ListResponse { items: page.products.iter().map(ProductResponse::from).collect(), next_cursor })
}

fn missing() -> Problem {
    Problem::validation(vec![FieldError::new("q", kernel::Invalid::new("required", "is required"))])
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    Operation::new(ROUTE, "searchProducts", "Search products")
        .describe(
            "Searches the words of names, categories and descriptions. Case and accents are ignored, and so is the \
             difference between singular and plural. The last word may be incomplete, and words of five or more \
             letters may have one typing error. Products that match all words come first. Results may be a moment \
             behind the catalog, and a page may have fewer entries than `limit` although another page follows.",
        )
        .required_query::<SearchText>("q", "The text to search for.", "lapt")
        .list()
        .ok::<ListResponse<'_>>(
            "A page of products, best matches first.",
            json!({ "items": [example()], "next_cursor": null }),
        )
}
