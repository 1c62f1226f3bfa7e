use std::time::Duration;

use kernel::{Email, Invalid, Redacted};
use lambda::{
    http::{self, Reply, Request},
    openapi::{Object, Operation},
    policy::{Access, Limit, Route},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::response::{TokensResponse, UserResponse, example, tokens_example};
use crate::{
    Users, UsersError,
    domain::{Login, Password, Username},
};

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Login")]
struct LoginResponse<'a> {
    #[serde(flatten)]
    tokens: TokensResponse,
    user: UserResponse<'a>,
}

pub(crate) const ROUTE: Route = Route::new("POST /api/v1/auth/login", Access::Anyone).limited(Limit::Logins);

/// `POST /auth/login`: starts a session for an e-mail address or a username, and the password.
pub async fn login(users: &Users, request: &Request) -> Reply {
    let (login, password) = request.body(|body| {
        let password = body.required::<Redacted<String>>("password");
        let login = if body.has("username") && body.has("email") {
            body.refuse("username", Invalid::new("ambiguous", "must not be combined with `email`"))
        } else if body.has("username") {
            body.required("username").map(Login::Username)
        } else {
            body.required("email").map(Login::Email)
        };
        Some((login?, Password::unchecked(password?)))
    })?;
    let (account, tokens) = users.log_in(&login, &password, request).await?;
    http::ok(&LoginResponse { tokens: tokens.into(), user: UserResponse::from(&account) })
}

/// The OpenAPI description.
pub(super) fn operation() -> Operation {
    let with_password = |form: Object| form.required::<Redacted<String>>("password");
    let mut response = tokens_example();
    response["user"] = example();
    Operation::new(ROUTE, "login", "Log in with an e-mail address or a username")
        .body(
            with_password(Object::new().required::<Email>("email"))
                .example("by address", json!({ "email": "alice@example.com", "password": "local-alice-Pa55word" })),
        )
        .body(
            with_password(Object::new().required::<Username>("username"))
                .example("by name", json!({ "username": "alice", "password": "local-alice-Pa55word" })),
        )
        .ok::<LoginResponse<'_>>("The tokens of a new session, and its account.", response)
        .refuses(UsersError::WrongCredentials)
        .refuses(UsersError::TooManyFailures(Duration::from_secs(30)))
}
