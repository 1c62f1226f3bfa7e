//! An account and a session as their owner sees them: never the password or its hash.

use contracts::Role;
use kernel::{Timestamp, UserId};
use serde::Serialize;
use tokens::LIFETIME_SECONDS;

use crate::{
    Tokens,
    domain::{Account, REFRESH_SECONDS},
};

#[derive(Serialize)]
pub(super) struct UserAnswer<'a> {
    id: UserId,
    email: &'a str,
    username: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    full_name: Option<&'a str>,
    role: Role,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl<'a> From<&'a Account> for UserAnswer<'a> {
    fn from(account: &'a Account) -> Self {
        Self {
            id: account.id,
            email: account.email.expose(),
            username: account.username.expose(),
            full_name: account.full_name.as_ref().map(|name| &**name.expose()),
            role: account.role,
            created_at: account.created_at,
            updated_at: account.updated_at,
        }
    }
}

#[derive(Serialize)]
pub(super) struct TokensAnswer {
    access_token: String,
    token_type: &'static str,
    /// Seconds until the access token ends.
    expires_in: i64,
    /// Good for one refresh.
    refresh_token: String,
    /// Seconds until the refresh token ends.
    refresh_expires_in: i64,
}

impl From<Tokens> for TokensAnswer {
    fn from(tokens: Tokens) -> Self {
        Self {
            access_token: tokens.access.expose().clone(),
            token_type: "Bearer",
            expires_in: LIFETIME_SECONDS,
            refresh_token: tokens.refresh.expose(),
            refresh_expires_in: REFRESH_SECONDS,
        }
    }
}
