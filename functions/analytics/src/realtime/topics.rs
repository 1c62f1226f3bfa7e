//! Topics, and the roles that may follow them.

use std::str::FromStr;

use contracts::Role;
use kernel::{Invalid, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::IntoDeserializer};

/// A topic that a client can follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, strum::VariantArray)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// The user's own orders.
    Orders,
    /// The events of the shop, with the figures of the day.
    Analytics,
}

/// The roles that may follow each topic. Everybody, also an administrator, follows only their own orders.
const ROLES: [(Topic, &[Role]); 2] =
    [(Topic::Orders, &[Role::Customer, Role::Admin]), (Topic::Analytics, &[Role::Admin])];

impl Topic {
    /// Returns whether users of this role may follow the topic.
    pub fn may_be_followed_by(self, role: Role) -> bool {
        ROLES.iter().any(|(topic, roles)| *topic == self && roles.contains(&role))
    }

    /// Returns the channel of the topic for one user.
    pub fn channel_of(self, user_id: UserId) -> Channel {
        match self {
            Self::Orders => Channel::OrdersOf(user_id),
            Self::Analytics => Channel::Analytics,
        }
    }
}

impl FromStr for Topic {
    type Err = Invalid;

    fn from_str(name: &str) -> Result<Self, Invalid> {
        let read: Result<Self, serde::de::value::Error> = Self::deserialize(name.into_deserializer());
        read.map_err(|_| Invalid::new("not_a_topic", "must be one of \"orders\", \"analytics\""))
    }
}
lambda::text_fields!(Topic);

/// A sequence of messages, the same for all followers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// The events of one user's orders.
    OrdersOf(UserId),
    /// The events of the shop.
    Analytics,
}

impl Channel {
    /// Returns the maximum number of followers. Each costs one call for each message.
    pub fn max_followers(self) -> usize {
        match self {
            Self::OrdersOf(_) => 10,
            Self::Analytics => 100,
        }
    }

    /// Returns the topic of the channel.
    pub fn topic(self) -> Topic {
        match self {
            Self::OrdersOf(_) => Topic::Orders,
            Self::Analytics => Topic::Analytics,
        }
    }
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::*;

    #[test]
    fn topics_of_each_role() {
        let expected = [
            (Topic::Orders, Role::Customer, true),
            (Topic::Orders, Role::Admin, true),
            (Topic::Analytics, Role::Customer, false),
            (Topic::Analytics, Role::Admin, true),
        ];
        let mut actual = Vec::new();
        for topic in Topic::VARIANTS.iter().copied() {
            for role in [Role::Customer, Role::Admin] {
                actual.push((topic, role, topic.may_be_followed_by(role)));
            }
        }
        assert_eq!(actual, expected);
    }
}
