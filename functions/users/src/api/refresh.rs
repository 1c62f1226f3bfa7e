use deserr::Deserr;
use lambda::{
    http::{self, ApiRequest, Reply, Request},
    input::{InvalidFields, Secret},
    openapi::{Form, Operation},
    policy::{Access, Route},
};
use schemars::JsonSchema;
use serde_json::json;

use super::response::{TokensResponse, tokens_example};
use crate::{Users, UsersError, domain::RefreshToken};

pub(crate) const ROUTE: Route = Route::new("POST /api/v1/auth/refresh", Access::Anyone);

#[derive(Deserr, JsonSchema)]
#[deserr(error = InvalidFields, deny_unknown_fields)]
struct Refresh {
    refresh_token: Secret,
}

/// `POST /auth/refresh`: returns new tokens for a refresh token, which cannot be used again.
pub async fn refresh(users: &Users, request: Request) -> Reply {
    let Refresh { refresh_token: Secret(token) } = request.json()?;
    let token = RefreshToken::parse(&token).map_err(|_| UsersError::InvalidRefreshToken)?;
    http::ok(&TokensResponse::from(users.refresh(&token, request.now()).await?))
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    Operation::new(ROUTE, "refresh", "Get new tokens for a refresh token")
        .describe("A refresh token can be used once. A second use ends the session.")
        .body(
            Form::of::<Refresh>().example("a refresh token", json!({ "refresh_token": "wbr_AZMAAAAAcAGAAAAAAAAAAQ" })),
        )
        .ok::<TokensResponse>("New tokens of the same session.", tokens_example())
        .refuses(UsersError::InvalidRefreshToken)
}
