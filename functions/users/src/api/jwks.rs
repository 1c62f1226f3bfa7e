use lambda::http::{self, Reply, Request};
use serde_json::json;

use crate::Users;

/// `GET /auth/jwks` and `/.well-known/jwks.json`: the keys that verify access tokens (RFC 7517).
pub async fn jwks(users: &Users, _: &Request) -> Reply {
    let keys = users.public_keys().await?;
    http::ok(&json!({ "keys": keys })).map(|answer| answer.header("cache-control", "public, max-age=300"))
}
