use std::time::Duration;

use kernel::{Email, Invalid, Redacted};
use lambda::{
    http::{self, Reply, Request},
    openapi::{Object, Operation},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::answer::{TokensAnswer, UserAnswer, example, tokens_example};
use crate::{
    Users, UsersError,
    domain::{Login, Password, Username},
};

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Login")]
struct LoginAnswer<'a> {
    #[serde(flatten)]
    tokens: TokensAnswer,
    user: UserAnswer<'a>,
}

/// `POST /auth/login`: tokens for an e-mail address or a username, and the password.
pub async fn login(users: &Users, request: &Request) -> Reply {
    let (login, password) = request.body(|body| {
        let password = body.required::<Redacted<String>>("password");
        let login = if body.has("username") && body.has("email") {
            body.refuse("username", Invalid::new("ambiguous", "must not be given beside `email`"))
        } else if body.has("username") {
            body.required("username").map(Login::Username)
        } else {
            body.required("email").map(Login::Email)
        };
        Some((login?, Password::given(password?)))
    })?;
    let (account, tokens) = users.log_in(&login, &password, request).await?;
    http::ok(&LoginAnswer { tokens: tokens.into(), user: UserAnswer::from(&account) })
}

/// How the document tells of it.
pub(super) fn operation() -> Operation {
    let with_password = |form: Object| form.required::<Redacted<String>>("password");
    let mut answer = tokens_example();
    answer["user"] = example();
    Operation::new("POST /api/v1/auth/login", "login", "Log in by e-mail address or username")
        .body(
            with_password(Object::new().required::<Email>("email"))
                .example("by address", json!({ "email": "alice@example.com", "password": "local-alice-Pa55word" })),
        )
        .body(
            with_password(Object::new().required::<Username>("username"))
                .example("by name", json!({ "username": "alice", "password": "local-alice-Pa55word" })),
        )
        .ok::<LoginAnswer<'_>>("The tokens of a new session, and whose it is.", answer)
        .refuses(UsersError::WrongCredentials)
        .refuses(UsersError::TooManyFailures(Duration::from_secs(30)))
}
