use kernel::{Invalid, Redacted};
use lambda::http::{self, Reply, Request};
use serde::Serialize;
use tokens::LIFETIME_SECONDS;

use super::answer::UserAnswer;
use crate::{
    Users,
    domain::{Login, Password},
};

#[derive(Serialize)]
struct LoginAnswer<'a> {
    access_token: String,
    token_type: &'static str,
    /// Seconds.
    expires_in: i64,
    user: UserAnswer<'a>,
}

/// `POST /auth/login`: an access token for an e-mail address or a username, and the password.
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
    let account = users.authenticate(&login, &password).await?;
    let access_token = users.issue_token(&account, request.now).await?;
    http::ok(&LoginAnswer {
        access_token,
        token_type: "Bearer",
        expires_in: LIFETIME_SECONDS,
        user: UserAnswer::from(&account),
    })
}
