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
        /// The name of the function: `checkout`, `remember-payment`, ….
        name: String,
    },
}

impl Actor {
    /// Returns the function `name` as an actor.
    pub fn system(name: &str) -> Self {
        Self::System { name: name.to_owned() }
    }
}
