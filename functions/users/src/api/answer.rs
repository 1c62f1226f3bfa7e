//! An account as its owner sees it: never the password or its hash.

use contracts::Role;
use kernel::{Timestamp, UserId};
use serde::Serialize;

use crate::domain::Account;

#[derive(Serialize)]
pub(super) struct UserAnswer<'a> {
    id: UserId,
    email: &'a str,
    username: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    full_name: Option<&'a str>,
    role: Role,
    created_at: Timestamp,
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
        }
    }
}
