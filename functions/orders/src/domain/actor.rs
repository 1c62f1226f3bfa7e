//! The actor of a change.

use contracts::Role;
use kernel::UserId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who changed an order: a person, or a part of the shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Actor {
    /// A person who was logged in.
    User {
        /// The account of the person.
        user_id: UserId,
        /// The role in which the person acted.
        role: Role,
    },
    /// A function that runs by itself.
    System {
        /// The name of the actor, such as `checkout` or `remember-payment`. It is not the name of a function.
        name: String,
    },
}

impl Actor {
    /// Returns the actor `name`, which is a function that runs by itself.
    pub fn system(name: &str) -> Self {
        Self::System { name: name.to_owned() }
    }
}
