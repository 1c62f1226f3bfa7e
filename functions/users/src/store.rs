//! The users table.
//!
//! | item | pk | sk |
//! | --- | --- | --- |
//! | account | `USER#<user>` | `ACCOUNT` |
//! | claim of an e-mail address | `EMAIL#<address>` | `CLAIM` |
//! | claim of a username | `USERNAME#<name>` | `CLAIM` |
//! | outbox entry | `EVENT#<event>` | `EVENT` |
//!
//! An account and its two claims are written together, so that an address or a name has one account. To log in: GetItem of the
//! claim, GetItem of the account.

use contracts::{Cause, Envelope, UserEvent, UserRegistered};
use dynamo::{Item, Key, StoreError, Table, TransactError, Write, item, outbox_item, text};
use kernel::{Redacted, Timestamp, UserId};
use serde::Deserialize;

use crate::{
    UsersError,
    domain::{Account, Login},
};

pub struct Store {
    table: Table,
}

#[derive(Deserialize)]
struct NameClaim {
    user_id: UserId,
}

fn account_key(id: UserId) -> Key {
    Key::new(format!("USER#{id}"), "ACCOUNT")
}

fn claim_key(login: &Login) -> Key {
    match login {
        Login::Email(email) => Key::new(format!("EMAIL#{}", email.expose()), "CLAIM"),
        Login::Username(name) => Key::new(format!("USERNAME#{}", name.expose()), "CLAIM"),
    }
}

impl Store {
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// Writes a new account, its claims and the event that tells of it, or nothing.
    pub async fn create(&self, account: &Account, now: Timestamp, cause: &Cause) -> Result<(), UsersError> {
        let claim = |login: Login| {
            let key = claim_key(&login);
            Write::put(Item::from([text("pk", key.pk), text("sk", key.sk), text("user_id", account.id)])).if_absent()
        };
        let registered = UserRegistered {
            user_id: account.id,
            email: account.email.clone(),
            username: Redacted::new(account.username.expose().to_owned()),
            full_name: account.full_name.as_ref().map(|name| Redacted::new(name.expose().to_string())),
            role: account.role,
        };
        let envelope = Envelope::new(UserEvent::from(registered), account.id, account.version, now, cause);
        let writes = vec![
            claim(Login::Email(account.email.clone())),
            claim(Login::Username(account.username.clone())),
            Write::put(item(&account_key(account.id), account)?).if_absent(),
            Write::put(outbox_item(&envelope)?),
        ];
        match self.table.transact(writes).await {
            Ok(()) => Ok(()),
            Err(TransactError::Refused(refusal)) if refusal.failed(1) && !refusal.failed(0) => {
                Err(UsersError::UsernameTaken)
            }
            Err(TransactError::Refused(_)) => Err(UsersError::EmailTaken),
            Err(TransactError::Store(error)) => Err(error.into()),
        }
    }

    /// The account that `login` names.
    pub async fn find(&self, login: &Login) -> Result<Option<Account>, StoreError> {
        let claim = self.table.get::<NameClaim>(&claim_key(login)).await?;
        // Without a claim, an account that is not there is looked up all the same: nobody learns from the time it takes.
        let user_id = claim.map_or_else(|| UserId::derived("nobody", "nobody"), |claim| claim.user_id);
        self.table.get(&account_key(user_id)).await
    }
}
