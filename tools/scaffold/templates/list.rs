use lambda::{
    cursor::Cursors,
    http::{self, Reply, Request},
    openapi::Operation,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::answer::{@{Item}Answer, example};
use crate::@{Context};

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "@{Item}List")]
struct ListAnswer {
    items: Vec<@{Item}Answer>,
    next_cursor: Option<String>,
}

/// `GET /@{context}`: lists the caller's items, newest first.
pub async fn list_@{context}((@{context}, cursors): &(@{Context}, Cursors), request: &Request) -> Reply {
    let caller = request.caller()?;
    let limit = request.limit()?;
    let scope = format!("GET /@{context} {}", caller.user_id);
    let after = request.query("cursor").map(|cursor| cursors.open(&scope, &cursor)).transpose()?;
    let (page, next) = @{context}.list(caller.user_id, after, limit).await?;
    let next_cursor = next.map(|id| cursors.seal(&scope, &id.to_string()));
    http::ok(&ListAnswer { items: page.iter().map(@{Item}Answer::from).collect(), next_cursor })
}

/// Describes the operation for the OpenAPI document.
pub(super) fn operation() -> Operation {
    Operation::new("GET /api/v1/@{context}", "list@{Context}", "The caller's own @{context}, the newest first")
        .list()
        .ok::<ListAnswer>("A page of them.", json!({ "items": [example()], "next_cursor": null }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_who_has_none_gets_an_empty_list() {
        let none = ListAnswer { items: Vec::new(), next_cursor: None };
        assert_eq!(serde_json::to_value(none).expect("JSON"), json!({ "items": [], "next_cursor": null }));
    }
}
