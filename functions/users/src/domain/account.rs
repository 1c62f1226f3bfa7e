//! Accounts and their names.

use std::str::FromStr;

use contracts::Role;
use kernel::{Email, Invalid, Redacted, Text, Timestamp, UserId};
use lambda::input::Field;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Password, PasswordHash};

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
    /// When it was made.
    pub created_at: Timestamp,
    /// How often it was written.
    pub version: u64,
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
#[derive(Debug)]
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
        let name = text.to_lowercase();
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
}
