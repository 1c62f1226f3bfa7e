use std::time::Duration;

use deserr::Deserr;
use kernel::{Email, Invalid};
use lambda::{
    http::{self, ApiRequest, Reply, Request},
    input::{InvalidFields, Rules, Secret, required},
    openapi::{Form, Operation},
    policy::{Access, Limit, Route},
    problem::Problem,
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

#[derive(Deserr, JsonSchema)]
#[deserr(error = InvalidFields, deny_unknown_fields)]
struct LoginBody {
    #[deserr(default)]
    email: Option<Email>,
    #[deserr(default)]
    username: Option<Username>,
    password: Secret,
}

/// `POST /auth/login`: starts a session for an e-mail address or a username, and the password.
pub async fn login(users: &Users, request: Request) -> Reply {
    let LoginBody { email, username, password: Secret(password) } = request.json_with(one_login)?;
    let login = username.map(Login::Username).or(email.map(Login::Email));
    let login = login.ok_or_else(|| Problem::invalid("email", required()))?;
    let (account, tokens) = users.log_in(&login, &Password::unchecked(password), &request).await?;
    http::ok(&LoginResponse { tokens: tokens.into(), user: UserResponse::from(&account) })
}

/// Requires either the e-mail address or the username.
fn one_login(body: &mut Rules) {
    match (body.has("email"), body.has("username")) {
        (false, false) => body.refuse("email", required()),
        (true, true) => body.refuse("username", Invalid::new("ambiguous", "must not be combined with `email`")),
        _ => {}
    }
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    let mut response = tokens_example();
    response["user"] = example();
    Operation::new(ROUTE, "login", "Log in with an e-mail address or a username")
        .body(
            Form::of::<LoginBody>()
                .without(&["username"])
                .requiring(&["email"])
                .example("by address", json!({ "email": "alice@example.com", "password": "local-alice-Pa55word" })),
        )
        .body(
            Form::of::<LoginBody>()
                .without(&["email"])
                .requiring(&["username"])
                .example("by name", json!({ "username": "alice", "password": "local-alice-Pa55word" })),
        )
        .ok::<LoginResponse<'_>>("The tokens of a new session, and its account.", response)
        .refuses(UsersError::WrongCredentials)
        .refuses(UsersError::TooManyFailures(Duration::from_secs(30)))
}
