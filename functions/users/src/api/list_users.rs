use lambda::{
    cursor::Cursors,
    http::{self, Reply, Request},
};
use serde::Serialize;

use super::answer::UserAnswer;
use crate::Users;

#[derive(Serialize)]
struct ListAnswer<'a> {
    items: Vec<UserAnswer<'a>>,
    next_cursor: Option<String>,
}

/// `GET /users`: all accounts, newest first.
pub async fn list_users((users, cursors): &(Users, Cursors), request: &Request) -> Reply {
    const SCOPE: &str = "GET /users";
    let limit = request.limit()?;
    let after = request.query("cursor").map(|cursor| cursors.open(SCOPE, &cursor)).transpose()?;
    let (page, more) = users.all(after, limit).await?;
    let next_cursor = page.last().filter(|_| more).map(|last| cursors.seal(SCOPE, &last.id.to_string()));
    http::ok(&ListAnswer { items: page.iter().map(UserAnswer::from).collect(), next_cursor })
}
