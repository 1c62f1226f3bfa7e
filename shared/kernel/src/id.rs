//! Ids. They are UUIDv7, so that they sort by the time at which they were created.

use std::{borrow::Cow, fmt, str::FromStr, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Invalid, Timestamp};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Generates a new unique id.
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }

            /// Derives an id from `parent` and `name`. The result is always the same, so repeated work gets the same
            /// id. The id has the time of its parent, so it sorts next to it.
            pub fn derived(parent: impl AsRef<[u8]>, name: &str) -> Self {
                let parent = parent.as_ref();
                let scope = Uuid::new_v5(&Uuid::NAMESPACE_OID, parent);
                let mut bytes = *Uuid::new_v5(&scope, name.as_bytes()).as_bytes();
                if let Some(time) = parent.get(..6) {
                    bytes[..6].copy_from_slice(time);
                }
                bytes[6] = 0x70 | (bytes[6] & 0x0f);
                Self(Uuid::from_bytes(bytes))
            }

            /// Returns the time at which the id was created.
            pub fn created_at(self) -> Timestamp {
                let (millis, _) = self.0.as_u64_pair();
                Timestamp::from_millis(i64::try_from(millis >> 16).unwrap_or(i64::MAX))
            }

            /// Returns whether the id was created less than `age` before `now`.
            pub fn is_younger_than(self, age: Duration, now: Timestamp) -> bool {
                let millis = now.as_millis() - self.created_at().as_millis();
                u128::try_from(millis).is_ok_and(|millis| millis < age.as_millis())
            }

            /// Returns the smallest id that can have been created at `time`, which is a bound for queries by time.
            pub fn first_at(time: Timestamp) -> Self {
                let millis = time.as_millis().to_be_bytes();
                let mut bytes = [0; 16];
                bytes[..6].copy_from_slice(&millis[2..]);
                bytes[6] = 0x70;
                bytes[8] = 0x80;
                Self(Uuid::from_bytes(bytes))
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<[u8; 16]> for $name {
            fn from(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                self.0.as_bytes()
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            /// Parses only the form with four hyphens, so that an id has one spelling. `Uuid` accepts others, too.
            fn from_str(text: &str) -> Result<Self, Invalid> {
                let id = Uuid::try_parse(text).ok().filter(|_| text.len() == uuid::fmt::Hyphenated::LENGTH);
                id.map(Self).ok_or_else(|| Invalid::new("not_an_id", "must be a UUID"))
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "format": "uuid" })
            }
        }
    };
}

id!(
    /// A user's account.
    UserId
);
id!(
    /// A session, from login to logout.
    SessionId
);
id!(
    /// A product of the catalog.
    ProductId
);
id!(
    /// An order; also the name of its checkout workflow.
    OrderId
);
id!(
    /// A payment; an order has at most one.
    PaymentId
);
id!(
    /// A refund of a payment or of a part of it.
    RefundId
);
id!(
    /// A notification of one event through one channel to one address.
    NotificationId
);
id!(
    /// A device that receives push messages.
    DeviceId
);
id!(
    /// An event, whose id lets consumers detect duplicates.
    EventId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_id_of_a_moment_is_a_lower_bound() {
        let before = Timestamp::now();
        let id = OrderId::new();
        assert!(OrderId::first_at(before) <= id);
        assert!(OrderId::first_at(before.plus_seconds(1)) > id);
        assert!((before..before.plus_seconds(1)).contains(&id.created_at()));
        assert!(id.is_younger_than(Duration::from_secs(5), before.plus_seconds(4)));
        assert!(!id.is_younger_than(Duration::from_secs(5), before.plus_seconds(6)));
        assert!(!id.is_younger_than(Duration::from_secs(5), before.plus_seconds(-1)), "created in the future");
    }

    #[test]
    fn an_id_has_one_spelling() {
        let id = "01930000-0000-7002-8000-000000000001";
        assert_eq!(id.parse::<ProductId>().map(|id| id.to_string()), Ok(id.to_owned()));
        let others = [&id.replace('-', ""), &format!("{{{id}}}"), &format!("urn:uuid:{id}"), "", "x"];
        for other in others {
            assert!(other.parse::<ProductId>().is_err(), "{other}");
        }
    }

    #[test]
    fn derived_ids_repeat_and_differ_by_name() {
        let order = OrderId::new();
        assert_eq!(PaymentId::derived(order, "payment"), PaymentId::derived(order, "payment"));
        assert_ne!(EventId::derived(order, "a"), EventId::derived(order, "b"));
    }
}
