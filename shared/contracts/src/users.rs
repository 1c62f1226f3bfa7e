//! The events that `users` publishes.

use std::str::FromStr;

use kernel::{Email, Invalid, Redacted, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::IntoDeserializer};

crate::events!(
    /// The events of accounts.
    UserEvent from "users" {
        /// An account was created.
        UserRegistered,
        /// An account was changed.
        UserUpdated,
        /// An account was deleted. Every context erases the personal data that it stores about the user.
        UserDeleted,
    }
);

/// An account was created.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserRegistered {
    /// The user.
    pub user_id: UserId,
    /// The e-mail address.
    pub email: Email,
    /// The name that the user logs in with.
    pub username: Redacted<String>,
    /// The name by which the user is addressed, if they gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_name: Option<Redacted<String>>,
    /// The role, which decides what the user may do.
    pub role: Role,
}

/// An account was changed. The event has the new state of the account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserUpdated {
    /// The user.
    pub user_id: UserId,
    /// The e-mail address.
    pub email: Email,
    /// The name that the user logs in with.
    pub username: Redacted<String>,
    /// The name by which the user is addressed, if they gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_name: Option<Redacted<String>>,
    /// The role, which decides what the user may do.
    pub role: Role,
    /// The fields that have changed.
    pub changed: Vec<UserField>,
}

/// An account was deleted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserDeleted {
    /// The user.
    pub user_id: UserId,
}

/// A field of an account that can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum UserField {
    Email,
    Username,
    FullName,
    Password,
    Role,
}

/// The role of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Buys in the shop.
    Customer,
    /// Administers the shop.
    Admin,
}

impl FromStr for Role {
    type Err = Invalid;

    fn from_str(name: &str) -> Result<Self, Invalid> {
        let role: Result<Self, serde::de::value::Error> = Self::deserialize(name.into_deserializer());
        role.map_err(|_| Invalid::new("not_a_role", "must be one of \"customer\", \"admin\""))
    }
}
