//! Commands for operators, such as the one that makes an account the first administrator of a shop.

use contracts::{Cause, Role};
use kernel::{Redacted, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::{Users, domain::Login};

/// The input: an account and its new role, such as `{"email": "you@example.com", "role": "admin"}`.
#[derive(Debug, Deserialize)]
pub struct Grant {
    email: Redacted<String>,
    role: Role,
}

/// The output: the account and its role.
#[derive(Debug, Serialize)]
pub struct Granted {
    user_id: UserId,
    role: Role,
}

/// Changes the role of the account with the given e-mail address. Everybody who may invoke the function may do so.
///
/// # Errors
/// If there is no such account, or the table does not respond.
pub async fn grant_role(users: &Users, grant: Grant) -> Result<Granted, lambda::Error> {
    let login = Login::Email(grant.email.expose().parse()?);
    let account = users.find_by_login(&login).await?;
    let account = users.change_role(account.id, grant.role, Timestamp::now(), &Cause::own()).await?;
    Ok(Granted { user_id: account.id, role: account.role })
}
