use kernel::{Invalid, Redacted};
use lambda::http::{self, Reply, Request};
use serde::Serialize;

use super::answer::{TokensAnswer, UserAnswer};
use crate::{
    Users,
    domain::{Login, Password},
};

#[derive(Serialize)]
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
