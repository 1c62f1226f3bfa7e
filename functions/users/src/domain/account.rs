//! Accounts, registrations and logins.

use std::str::FromStr;

use contracts::{Role, UserField};
use kernel::{Email, Invalid, Redacted, Text, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use super::{HashError, Password, PasswordHash};

/// The full name of a person.
pub type FullName = Text<1, 100>;

/// An account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Account {
    /// The id.
    pub id: UserId,
    /// The e-mail address, which is unique among accounts.
    pub email: Email,
    /// The username, which is unique among accounts.
    pub username: Username,
    /// The full name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_name: Option<Redacted<FullName>>,
    /// The role, which decides what the user may do.
    pub role: Role,
    /// The hash of the password.
    pub password_hash: PasswordHash,
    /// How many times all sessions of the account were ended at once.
    #[serde(default)]
    pub epoch: u64,
    /// When the account was created.
    pub created_at: Timestamp,
    /// When the account was last changed.
    pub updated_at: Timestamp,
    /// How many times the account was written.
    pub version: u64,
}

/// Changes of an account. Fields that are `None` do not change.
#[derive(Debug, Default)]
pub struct Changes {
    /// A new e-mail address.
    pub email: Option<Email>,
    /// A new username.
    pub username: Option<Username>,
    /// A new full name.
    pub full_name: Option<Redacted<FullName>>,
    /// A new password.
    pub password: Option<Password>,
}

impl Account {
    /// Returns the account with `changes`, and the fields that differ. A given password always counts as different.
    ///
    /// # Errors
    /// If the new password cannot be hashed.
    pub fn with_changes(&self, changes: Changes, now: Timestamp) -> Result<(Self, Vec<UserField>), HashError> {
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

    /// Returns whether `password` equals the e-mail address or the username, before or after `changes`.
    pub fn password_equals_login(&self, changes: &Changes, password: &Password) -> bool {
        let emails = [Some(&self.email), changes.email.as_ref()];
        let names = [Some(&self.username), changes.username.as_ref()];
        emails.into_iter().flatten().any(|email| password.equals(email.expose()))
            || names.into_iter().flatten().any(|name| password.equals(name.expose()))
    }

    /// Returns the account with `role`, or `None` if it has that role.
    pub fn with_role(&self, role: Role, now: Timestamp) -> Option<Self> {
        (role != self.role).then(|| Self { role, updated_at: now, version: self.version + 1, ..self.clone() })
    }
}

/// The data of a new account.
#[derive(Debug)]
pub struct Registration {
    /// The e-mail address.
    pub email: Email,
    /// The username.
    pub username: Username,
    /// The full name.
    pub full_name: Option<Redacted<FullName>>,
    /// The password.
    pub password: Password,
}

/// The identifier that a person logs in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// The e-mail address.
    Email(Email),
    /// The username.
    Username(Username),
}

/// A username: 3 to 32 of `a-z 0-9 . _ -`. It is stored in lower case, so that two spellings are one name. It is
/// personal data, so `Debug` does not show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Username(Redacted<String>);

impl Username {
    /// Returns the name in plain text, for the store and for its owner. It must not be logged.
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
