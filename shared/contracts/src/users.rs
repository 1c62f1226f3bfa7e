//! What `users` tells.

use kernel::{Email, Redacted, UserId};
use serde::{Deserialize, Serialize};

crate::events!(
    /// The events of accounts.
    UserEvent from "users" {
        /// An account was made.
        UserRegistered,
    }
);

/// An account was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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

/// What an account may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Buys.
    Customer,
    /// Runs the shop.
    Admin,
}
