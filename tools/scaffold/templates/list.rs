use lambda::{
    cursor::Cursors,
    http::{self, ApiRequest, Reply, Request},
    openapi::Operation,
    policy::{Access, Route},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::response::{@{Item}Response, example};
use crate::@{Context};

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "@{Item}List")]
struct ListResponse {
    items: Vec<@{Item}Response>,
    next_cursor: Option<String>,
}

pub(crate) const ROUTE: Route = Route::new("GET /api/v1/@{context}", Access::Customer);

/// `GET /@{context}`: lists the caller's items, newest first.
pub async fn list_@{context}((@{context}, cursors): &(@{Context}, Cursors), request: Request) -> Reply {
    let caller = request.caller()?;
    let limit = request.limit()?;
    let scope = format!("GET /@{context} {}", caller.user_id);
    let after = request.query("cursor").map(|cursor| cursors.open(&scope, &cursor)).transpose()?;
    let (page, next) = @{context}.list(caller.user_id, after, limit).await?;
    let next_cursor = next.map(|id| cursors.seal(&scope, &id.to_string()));
    http::ok(&ListResponse { items: page.iter().map(@{Item}Response::from).collect(), next_cursor })
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    Operation::new(ROUTE, "list@{Context}", "The caller's own @{context}, the newest first")
        .list()
        .ok::<ListResponse>("A page of the list.", json!({ "items": [example()], "next_cursor": null }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_who_has_none_gets_an_empty_list() {
        let none = ListResponse { items: Vec::new(), next_cursor: None };
        assert_eq!(serde_json::to_value(none).expect("JSON"), json!({ "items": [], "next_cursor": null }));
    }
}
