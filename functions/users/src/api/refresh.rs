use kernel::Redacted;
use lambda::{
    http::{self, Reply, Request},
    openapi::{Object, Operation},
    policy::{Access, Route},
};

use serde_json::json;

use super::response::{TokensResponse, tokens_example};
use crate::{Users, UsersError, domain::RefreshToken};

pub(crate) const ROUTE: Route = Route::new("POST /api/v1/auth/refresh", Access::Anyone);

/// `POST /auth/refresh`: returns new tokens for a refresh token, which cannot be used again.
pub async fn refresh(users: &Users, request: &Request) -> Reply {
    let token = request.body(|body| body.required::<Redacted<String>>("refresh_token"))?;
    let token = RefreshToken::parse(&token).map_err(|_| UsersError::InvalidRefreshToken)?;
    http::ok(&TokensResponse::from(users.refresh(&token, request.now).await?))
}

/// The OpenAPI description.
pub(super) fn operation() -> Operation {
    let body = Object::new().required::<Redacted<String>>("refresh_token");
    Operation::new(ROUTE, "refresh", "Get new tokens for a refresh token")
        .describe("A refresh token can be used once. A second use ends the session.")
        .body(body.example("a refresh token", json!({ "refresh_token": "wbr_AZMAAAAAcAGAAAAAAAAAAQ" })))
        .ok::<TokensResponse>("New tokens of the same session.", tokens_example())
        .refuses(UsersError::InvalidRefreshToken)
}
