//! The account and the tokens as responses show them. They never contain the password or its hash.

use contracts::Role;
use kernel::{Timestamp, UserId};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use tokens::LIFETIME_SECONDS;

use crate::{
    Tokens,
    domain::{Account, REFRESH_SECONDS},
};

/// An account.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "User")]
pub(super) struct UserResponse<'a> {
    id: UserId,
    #[schemars(with = "kernel::Email")]
    email: &'a str,
    username: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    full_name: Option<&'a str>,
    role: Role,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl<'a> From<&'a Account> for UserResponse<'a> {
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

/// The tokens of a session.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Tokens")]
pub(super) struct TokensResponse {
    /// For the header `Authorization: Bearer`.
    access_token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// Seconds until the access token expires.
    expires_in: i64,
    /// Can be used once.
    refresh_token: String,
    /// Seconds until the refresh token expires.
    refresh_expires_in: i64,
}

impl From<Tokens> for TokensResponse {
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

/// An example account: one of the seed's customers.
pub(super) fn example() -> Value {
    json!({
        "id": "01930000-0000-7001-8000-000000000001",
        "email": "alice@example.com",
        "username": "alice",
        "full_name": "Alice Anderson",
        "role": "customer",
        "created_at": "2026-11-21T06:30:31.000Z",
        "updated_at": "2026-11-21T06:30:31.000Z",
    })
}

/// Example tokens, which belong to nobody.
pub(super) fn tokens_example() -> Value {
    json!({
        "access_token": "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJ3YXliaWxsIn0.c2lnbmF0dXJl",
        "token_type": "Bearer",
        "expires_in": LIFETIME_SECONDS,
        "refresh_token": "wbr_AZMAAAAAcAGAAAAAAAAAAQ",
        "refresh_expires_in": REFRESH_SECONDS,
    })
}
