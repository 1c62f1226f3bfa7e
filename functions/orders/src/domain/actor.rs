//! Who does something to an order.

use contracts::Role;
use kernel::UserId;
use lambda::http::Caller;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who it was: a person, or a part of the shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Actor {
    /// Somebody who was logged in.
    User {
        /// Their account.
        user_id: UserId,
        /// As what they did it.
        role: Role,
    },
    /// A function that nobody called by hand.
    System {
        /// Which: `checkout`, `remember-payment`, ….
        name: String,
    },
}

impl Actor {
    /// A part of the shop.
    pub fn system(name: &str) -> Self {
        Self::System { name: name.to_owned() }
    }
}

impl From<Caller> for Actor {
    fn from(caller: Caller) -> Self {
        Self::User { user_id: caller.user_id, role: caller.role }
    }
}
