use lambda::{
    cursor::Cursors,
    http::{self, Reply, Request},
    openapi::Operation,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::answer::{UserAnswer, example};
use crate::Users;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UserList")]
struct ListAnswer<'a> {
    items: Vec<UserAnswer<'a>>,
    next_cursor: Option<String>,
}

/// `GET /users`: all accounts, newest first.
pub async fn list_users((users, cursors): &(Users, Cursors), request: &Request) -> Reply {
    const SCOPE: &str = "GET /users";
    let limit = request.limit()?;
    let after = request.query("cursor").map(|cursor| cursors.open(SCOPE, &cursor)).transpose()?;
    let (page, next) = users.all(after, limit).await?;
    let next_cursor = next.map(|id| cursors.seal(SCOPE, &id));
    http::ok(&ListAnswer { items: page.iter().map(UserAnswer::from).collect(), next_cursor })
}

/// How the document tells of it.
pub(super) fn operation() -> Operation {
    Operation::new("GET /api/v1/users", "listUsers", "All accounts, newest first")
        .list()
        .ok::<ListAnswer<'_>>("A page of accounts.", json!({ "items": [example()], "next_cursor": null }))
}
