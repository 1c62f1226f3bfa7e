//! What operators do by hand: the first administrator of a shop is made here.

use contracts::{Cause, Role};
use kernel::{Redacted, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::{Users, domain::Login};

/// Who is to have which role: `{"email": "you@example.com", "role": "admin"}`.
#[derive(Debug, Deserialize)]
pub struct Grant {
    email: Redacted<String>,
    role: Role,
}

/// Who has it now.
#[derive(Debug, Serialize)]
pub struct Granted {
    user_id: UserId,
    role: Role,
}

/// Gives the account with that address that role; whoever may invoke the function may do so.
///
/// # Errors
/// When there is no such account or the store does not answer.
pub async fn grant_role(users: &Users, grant: Grant) -> Result<Granted, lambda::Error> {
    let login = Login::Email(grant.email.expose().parse()?);
    let account = users.find_by_login(&login).await?;
    let account = users.change_role(account.id, grant.role, Timestamp::now(), &Cause::own()).await?;
    Ok(Granted { user_id: account.id, role: account.role })
}
