//! What can be followed, and by whom.

use contracts::Role;
use kernel::{Invalid, UserId};
use lambda::input::{Field, schema_of};
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What can be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// One's own orders.
    Orders,
    /// All that happens in the shop, and today's figures.
    Analytics,
}

/// Who may follow which topic. Of orders everybody, an administrator too, follows only their own.
const MAY_FOLLOW: [(Topic, &[Role]); 2] =
    [(Topic::Orders, &[Role::Customer, Role::Admin]), (Topic::Analytics, &[Role::Admin])];

impl Topic {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Orders, Self::Analytics];

    /// Whether somebody of that role may follow it.
    pub fn may_be_followed_by(self, role: Role) -> bool {
        MAY_FOLLOW.iter().any(|(topic, roles)| *topic == self && roles.contains(&role))
    }

    /// Its channel for one user.
    pub fn channel_of(self, user_id: UserId) -> Channel {
        match self {
            Self::Orders => Channel::OrdersOf(user_id),
            Self::Analytics => Channel::Analytics,
        }
    }
}

impl Field for Topic {
    fn read(value: &Value) -> Result<Self, Invalid> {
        let read = serde_json::from_value(value.clone());
        read.map_err(|_| Invalid::new("not_a_topic", "must be one of \"orders\", \"analytics\""))
    }

    fn schema() -> Schema {
        schema_of::<Self>()
    }
}

/// One sequence of messages, the same for all who follow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// What happens to one user's orders.
    OrdersOf(UserId),
    /// What happens in the shop.
    Analytics,
}

impl Channel {
    /// How many connections may follow it. Each costs one call for each message.
    pub fn most_followers(self) -> usize {
        match self {
            Self::OrdersOf(_) => 10,
            Self::Analytics => 100,
        }
    }

    /// The topic it is of.
    pub fn topic(self) -> Topic {
        match self {
            Self::OrdersOf(_) => Topic::Orders,
            Self::Analytics => Topic::Analytics,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_follows_what_it_may() {
        let expected = [
            (Topic::Orders, Role::Customer, true),
            (Topic::Orders, Role::Admin, true),
            (Topic::Analytics, Role::Customer, false),
            (Topic::Analytics, Role::Admin, true),
        ];
        let mut walked = Vec::new();
        for topic in Topic::ALL {
            for role in [Role::Customer, Role::Admin] {
                walked.push((topic, role, topic.may_be_followed_by(role)));
            }
        }
        assert_eq!(walked, expected);
    }
}
