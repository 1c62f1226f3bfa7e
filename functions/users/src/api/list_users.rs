use lambda::{
    cursor::Cursors,
    http::{self, ApiRequest, Reply, Request},
    openapi::Operation,
    policy::{Access, Route},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::response::{UserResponse, example};
use crate::Users;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UserList")]
struct UserListResponse<'a> {
    items: Vec<UserResponse<'a>>,
    next_cursor: Option<String>,
}

pub(crate) const ROUTE: Route = Route::new("GET /api/v1/users", Access::Admin);

/// `GET /users`: lists all accounts, newest first.
pub async fn list_users((users, cursors): &(Users, Cursors), request: Request) -> Reply {
    const SCOPE: &str = "GET /users";
    let limit = request.limit()?;
    let after = request.query("cursor").map(|cursor| cursors.open(SCOPE, &cursor)).transpose()?;
    let (page, next) = users.list(after, limit).await?;
    let next_cursor = next.map(|id| cursors.seal(SCOPE, &id));
    http::ok(&UserListResponse { items: page.iter().map(UserResponse::from).collect(), next_cursor })
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    Operation::new(ROUTE, "listUsers", "List all accounts, newest first")
        .list()
        .ok::<UserListResponse<'_>>("A page of accounts.", json!({ "items": [example()], "next_cursor": null }))
}
