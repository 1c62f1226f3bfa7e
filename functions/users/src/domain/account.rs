//! Accounts and their names.

use std::str::FromStr;

use contracts::{Role, UserField};
use kernel::{Email, Invalid, Redacted, Text, Timestamp, UserId};
use lambda::input::Field;
use schemars::{Schema, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Password, PasswordHash};
use crate::UsersError;

/// The name a person is addressed by.
pub type FullName = Text<1, 100>;

/// An account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Account {
    /// Whose.
    pub id: UserId,
    /// Unique among accounts.
    pub email: Email,
    /// Unique among accounts.
    pub username: Username,
    /// The name they are addressed by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_name: Option<Redacted<FullName>>,
    /// What they may do.
    pub role: Role,
    /// How a password is checked.
    pub password_hash: PasswordHash,
    /// How often all its sessions were ended at once.
    #[serde(default)]
    pub epoch: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// How often it was written.
    pub version: u64,
}

/// What is to be different about an account; what is absent stays.
#[derive(Debug, Default)]
pub struct Changes {
    /// A new address.
    pub email: Option<Email>,
    /// A new name to log in by.
    pub username: Option<Username>,
    /// A new name to be addressed by.
    pub full_name: Option<Redacted<FullName>>,
    /// A new password.
    pub password: Option<Password>,
}

impl Account {
    /// The account with `changes`, and which of its fields they changed; unhashed passwords are always a change.
    ///
    /// # Errors
    /// When the new password cannot be hashed.
    pub fn changed(&self, changes: Changes, now: Timestamp) -> Result<(Self, Vec<UserField>), UsersError> {
        let mut account = self.clone();
        let mut changed = Vec::new();
        if let Some(email) = changes.email.filter(|email| *email != self.email) {
            account.email = email;
            changed.push(UserField::Email);
        }
        if let Some(username) = changes.username.filter(|username| *username != self.username) {
            account.username = username;
            changed.push(UserField::Username);
        }
        if let Some(full_name) = changes.full_name.filter(|name| Some(name) != self.full_name.as_ref()) {
            account.full_name = Some(full_name);
            changed.push(UserField::FullName);
        }
        if let Some(password) = changes.password {
            account.password_hash = password.hash()?;
            account.epoch += 1;
            changed.push(UserField::Password);
        }
        if !changed.is_empty() {
            account.updated_at = now;
            account.version += 1;
        }
        Ok((account, changed))
    }

    /// Whether `password` is the address or the name, before or after `changes`.
    pub fn is_called(&self, changes: &Changes, password: &Password) -> bool {
        let emails = [Some(&self.email), changes.email.as_ref()];
        let names = [Some(&self.username), changes.username.as_ref()];
        emails.into_iter().flatten().any(|email| password.is(email.expose()))
            || names.into_iter().flatten().any(|name| password.is(name.expose()))
    }

    /// The account with another role, if it is another.
    pub fn with_role(&self, role: Role, now: Timestamp) -> Option<Self> {
        (role != self.role).then(|| Self { role, updated_at: now, version: self.version + 1, ..self.clone() })
    }
}

/// What makes an account.
#[derive(Debug)]
pub struct Registration {
    /// Where mail reaches them.
    pub email: Email,
    /// The name they log in by.
    pub username: Username,
    /// The name they are addressed by.
    pub full_name: Option<Redacted<FullName>>,
    /// Chosen by them.
    pub password: Password,
}

/// What a person logs in by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// Their address.
    Email(Email),
    /// Their name.
    Username(Username),
}

/// 3 to 32 of `a-z 0-9 . _ -`, in lower case: two spellings are one name. It is personal: `Debug` does not show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Username(Redacted<String>);

impl Username {
    /// The name itself, for the store and for its owner; never for a log.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl FromStr for Username {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let name = text.to_ascii_lowercase();
        if (3..=32).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)) {
            Ok(Self(Redacted::new(name)))
        } else {
            Err(Invalid::new("not_a_username", "must be 3 to 32 letters, digits, dots, dashes or underscores"))
        }
    }
}

impl Field for Username {
    fn read(value: &Value) -> Result<Self, Invalid> {
        value.as_str().ok_or_else(|| Invalid::new("wrong_type", "must be a string"))?.parse()
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "minLength": 3, "maxLength": 32, "pattern": "^[A-Za-z0-9._-]+$" })
    }
}
