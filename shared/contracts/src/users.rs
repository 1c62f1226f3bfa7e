//! What `users` tells.

use kernel::{Email, Redacted, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

crate::events!(
    /// The events of accounts.
    UserEvent from "users" {
        /// An account was made.
        UserRegistered,
        /// An account was changed.
        UserUpdated,
        /// An account was deleted: whoever keeps something personal of it erases that.
        UserDeleted,
    }
);

/// An account was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserRegistered {
    /// Whose.
    pub user_id: UserId,
    /// Where mail reaches them.
    pub email: Email,
    /// The name they log in by.
    pub username: Redacted<String>,
    /// The name they are addressed by, if they gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_name: Option<Redacted<String>>,
    /// What they may do.
    pub role: Role,
}

/// An account was changed; it is now as told here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserUpdated {
    /// Whose.
    pub user_id: UserId,
    /// Where mail reaches them.
    pub email: Email,
    /// The name they log in by.
    pub username: Redacted<String>,
    /// The name they are addressed by, if they gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_name: Option<Redacted<String>>,
    /// What they may do.
    pub role: Role,
    /// What is different from before.
    pub changed: Vec<UserField>,
}

/// An account was deleted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserDeleted {
    /// Whose.
    pub user_id: UserId,
}

/// What of an account can change.
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

/// What an account may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Buys.
    Customer,
    /// Runs the shop.
    Admin,
}
