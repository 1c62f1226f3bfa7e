use kernel::Redacted;
use lambda::{
    http::{self, Reply, Request},
    openapi::{Object, Operation},
};

use serde_json::json;

use super::answer::{TokensAnswer, tokens_example};
use crate::{Users, UsersError, domain::RefreshToken};

/// `POST /auth/refresh`: new tokens for a refresh token, which is used up by that.
pub async fn refresh(users: &Users, request: &Request) -> Reply {
    let given = request.body(|body| body.required::<Redacted<String>>("refresh_token"))?;
    let given = RefreshToken::given(&given).map_err(|_| UsersError::InvalidRefreshToken)?;
    http::ok(&TokensAnswer::from(users.refresh(&given, request.now).await?))
}

/// How the document tells of it.
pub(super) fn operation() -> Operation {
    let body = Object::new().required::<Redacted<String>>("refresh_token");
    Operation::new("POST /api/v1/auth/refresh", "refresh", "New tokens for a refresh token")
        .describe("It is used up by that; one that is used twice ends the session.")
        .body(body.example("a refresh token", json!({ "refresh_token": "wbr_AZMAAAAAcAGAAAAAAAAAAQ" })))
        .ok::<TokensAnswer>("New tokens of the same session.", tokens_example())
        .refuses(UsersError::InvalidRefreshToken)
}
