//! The messages of the WebSocket API: JSON objects, one in each frame. The kind of a client's message is its `action`,
//! the kind of a server's message its `type`.

use std::str::FromStr;

use contracts::OrderEvent;
use deserr::{Deserr, IntoValue, Value, ValuePointerRef};
use kernel::{Invalid, Timestamp};
use lambda::{
    input::{self, InvalidFields},
    problem::{FieldError, Problem},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::topics::Topic;
use crate::rollups::Today;

/// A message of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum ClientMessage {
    /// Subscribes to a topic, from now on or from where an earlier connection ended.
    Subscribe {
        /// The topic to follow.
        topic: Topic,
        /// To continue from an earlier connection: the largest sequence of this topic up to which the client received
        /// everything.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last_sequence: Option<u64>,
    },
    /// Ends a subscription.
    Unsubscribe {
        /// The topic to follow no longer.
        topic: Topic,
    },
    /// Keeps the connection open: API Gateway closes a connection after ten minutes without a message.
    Ping,
}

/// A message of the server.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage {
    /// The subscription is active, and missed messages have been sent.
    Subscribed {
        /// The topic that is followed.
        topic: Topic,
        /// The newest sequence of the topic. The sequences of a topic always increase, also from one connection to the
        /// next.
        sequence: u64,
    },
    /// The subscription has ended.
    Unsubscribed {
        /// The topic that is no longer followed.
        topic: Topic,
    },
    /// An event of one of the user's orders.
    Event(OrderUpdate),
    /// Events of the shop.
    Events(ShopUpdate),
    /// The messages with these sequences cannot be sent any more: the client has to read the data over HTTP again.
    Gap {
        /// The topic of the messages.
        topic: Topic,
        /// The first sequence that is missing.
        from: u64,
        /// The last sequence that is missing.
        to: u64,
    },
    /// The response to a ping.
    Pong,
    /// A message of the client could not be handled.
    Error(ErrorMessage),
}

/// An event of an order.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct OrderUpdate {
    /// Always `orders`.
    pub topic: Topic,
    /// The position among the messages of this topic, always one more than for the message before. Messages may arrive
    /// out of order. A message whose sequence was already received is a duplicate. If a sequence is missing, its
    /// message is still on the way or lost: to get it, subscribe again with the largest sequence up to which everything
    /// was received.
    pub sequence: u64,
    /// The type of the event, such as `OrderConfirmed`.
    pub event_type: String,
    /// The id of the order.
    pub subject: String,
    /// The position among the events of this order. Events may arrive out of order: the one with the largest position
    /// has the current status of the order.
    pub subject_sequence: u64,
    /// The time of the event.
    pub time: Timestamp,
    /// The status of the order after the event.
    pub status: OrderStatus,
}

/// The events of the shop within about one second.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ShopUpdate {
    /// Always `analytics`.
    pub topic: Topic,
    /// The position among the messages of this topic, as for orders.
    pub sequence: u64,
    /// The events, in the order in which they were counted.
    pub events: Vec<ShopEvent>,
    /// The figures of the day, which include these events.
    pub today: Today,
}

/// An event of the shop, without personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShopEvent {
    /// The type of the event, such as `UserRegistered`.
    pub event_type: String,
    /// The context that published the event, such as `users`.
    pub source: String,
    /// The id of the order, payment or user that the event is about.
    pub subject: String,
    /// The position among the events of the subject.
    pub sequence: u64,
    /// The time of the event.
    pub time: Timestamp,
}

/// The reason why a message could not be handled, similar to a problem of the HTTP API.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ErrorMessage {
    /// A stable code for programs: `forbidden`, `validation_failed`, `malformed_json`, `too_many_connections`,
    /// `token_expired` or `internal_error`.
    pub code: String,
    /// An explanation for people.
    pub detail: String,
    /// The id to name in a support request.
    pub correlation_id: String,
    /// All invalid fields, for `validation_failed`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// The status of an order, as in the HTTP API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // the names explain themselves
pub enum OrderStatus {
    Pending,
    Paid,
    Processing,
    Shipped,
    Delivered,
    Cancelled,
    Refunded,
}

impl OrderStatus {
    /// Returns the status of an order after an event.
    pub fn after(event: &OrderEvent) -> Self {
        match event {
            OrderEvent::OrderPlaced(_) | OrderEvent::CheckoutStarted(_) => Self::Pending,
            OrderEvent::OrderConfirmed(_) => Self::Paid,
            OrderEvent::OrderProcessing(_) => Self::Processing,
            OrderEvent::OrderShipped(_) => Self::Shipped,
            OrderEvent::OrderDelivered(_) => Self::Delivered,
            OrderEvent::OrderCancelled(_) => Self::Cancelled,
            OrderEvent::OrderRefunded(_) => Self::Refunded,
        }
    }
}

/// The kind of a client's message, which decides what its other fields are. It is read first, because `deserr` reports an
/// unknown tag of an enum without its field.
#[derive(Deserr)]
#[deserr(error = InvalidFields)]
struct MessageKind {
    action: Action,
}

#[derive(Deserr)]
#[deserr(error = InvalidFields, deny_unknown_fields)]
struct Subscribe {
    #[allow(dead_code)] // it is known, and was read before
    action: Action,
    topic: Topic,
    #[deserr(default)]
    last_sequence: Option<Sequence>,
}

#[derive(Deserr)]
#[deserr(error = InvalidFields, deny_unknown_fields)]
struct Unsubscribe {
    #[allow(dead_code)] // it is known, and was read before
    action: Action,
    topic: Topic,
}

#[derive(Deserr)]
#[deserr(error = InvalidFields, deny_unknown_fields)]
struct Ping {
    #[allow(dead_code)] // it is known, and was read before
    action: Action,
}

enum Action {
    Subscribe,
    Unsubscribe,
    Ping,
}

impl FromStr for Action {
    type Err = Invalid;

    fn from_str(name: &str) -> Result<Self, Invalid> {
        match name {
            "subscribe" => Ok(Self::Subscribe),
            "unsubscribe" => Ok(Self::Unsubscribe),
            "ping" => Ok(Self::Ping),
            _ => Err(Invalid::new("unknown_action", "must be one of \"subscribe\", \"unsubscribe\", \"ping\"")),
        }
    }
}
lambda::text_fields!(Action);

/// The position of a message among those of its topic.
struct Sequence(u64);

impl Deserr<InvalidFields> for Sequence {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        location: ValuePointerRef<'_>,
    ) -> Result<Self, InvalidFields> {
        let invalid = || Invalid::new("out_of_range", "must be a whole number of at least 0");
        input::read_number(value, location, |number| u64::try_from(number).map(Self).map_err(|_| invalid()))
    }
}

impl ClientMessage {
    /// Reads a message.
    ///
    /// # Errors
    /// If it is not JSON or has invalid fields.
    pub fn read(text: &[u8]) -> Result<Self, Problem> {
        let MessageKind { action } = input::read(text)?;
        match action {
            Action::Subscribe => {
                let Subscribe { topic, last_sequence, .. } = input::read(text)?;
                Ok(Self::Subscribe { topic, last_sequence: last_sequence.map(|Sequence(last)| last) })
            }
            Action::Unsubscribe => {
                let Unsubscribe { topic, .. } = input::read(text)?;
                Ok(Self::Unsubscribe { topic })
            }
            Action::Ping => input::read(text).map(|Ping { .. }| Self::Ping),
        }
    }
}

impl ServerMessage {
    /// Returns the message as JSON. Serializing it cannot fail.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl ErrorMessage {
    /// Converts a problem.
    pub fn of(problem: &Problem, correlation_id: impl ToString) -> Self {
        Self {
            code: problem.code().to_owned(),
            detail: problem.detail().to_owned(),
            correlation_id: correlation_id.to_string(),
            errors: problem.errors().to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn read(body: Value) -> Result<ClientMessage, Vec<(String, &'static str)>> {
        ClientMessage::read(body.to_string().as_bytes())
            .map_err(|problem| problem.errors().iter().map(|error| (error.field.clone(), error.code)).collect())
    }

    #[test]
    fn every_invalid_field_is_named() {
        let subscribe = ClientMessage::Subscribe { topic: Topic::Orders, last_sequence: None };
        assert_eq!(read(json!({ "action": "subscribe", "topic": "orders" })), Ok(subscribe));
        assert_eq!(
            read(json!({ "action": "subscribe", "topic": "analytics", "last_sequence": 7 })),
            Ok(ClientMessage::Subscribe { topic: Topic::Analytics, last_sequence: Some(7) })
        );
        assert_eq!(read(json!({ "action": "ping" })), Ok(ClientMessage::Ping));
        let wrong: [(Value, &[(&str, &str)]); 8] = [
            (json!([]), &[("", "wrong_type")]),
            (json!({}), &[("action", "required")]),
            (json!({ "topic": "orders", "last_sequence": "x" }), &[("action", "required")]),
            (json!({ "action": "dance" }), &[("action", "unknown_action")]),
            (json!({ "action": "subscribe" }), &[("topic", "required")]),
            (json!({ "action": "subscribe", "topic": "payments" }), &[("topic", "not_a_topic")]),
            (
                json!({ "action": "subscribe", "topic": "orders", "last_sequence": -1 }),
                &[("last_sequence", "out_of_range")],
            ),
            (json!({ "action": "subscribe", "topic": "orders", "user_id": "x" }), &[("user_id", "unknown_field")]),
        ];
        for (body, errors) in wrong {
            let errors: Vec<_> = errors.iter().map(|(field, code)| ((*field).to_owned(), *code)).collect();
            assert_eq!(read(body.clone()), Err(errors), "{body}");
        }
    }

    #[test]
    fn a_client_message_is_read_as_it_is_documented() {
        for body in [
            json!({ "action": "subscribe", "topic": "orders", "last_sequence": 7 }),
            json!({ "action": "unsubscribe", "topic": "analytics" }),
            json!({ "action": "ping" }),
        ] {
            let documented: ClientMessage = serde_json::from_value(body.clone()).expect("as documented");
            assert_eq!(read(body), Ok(documented));
        }
    }

    fn any_message() -> impl Strategy<Value = Value> {
        let value = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
            prop::sample::select(vec!["subscribe", "unsubscribe", "ping", "orders", "analytics"]).prop_map(Value::from),
            Just(json!({})),
        ];
        let name = prop_oneof![
            9 => prop::sample::select(vec!["action", "topic", "last_sequence", "lastSequence"]).prop_map(str::to_owned),
            1 => ".{0,12}",
        ];
        prop::collection::btree_map(name, value, 0..4).prop_map(|message| Value::Object(message.into_iter().collect()))
    }

    proptest! {
        #[test]
        fn any_object_is_a_client_message_or_has_errors(message in any_message()) {
            match read(message.clone()) {
                // The result is the same message.
                Ok(ClientMessage::Ping) => prop_assert_eq!(&message["action"], "ping"),
                Ok(read_message) => prop_assert_eq!(read(json!(read_message)), Ok(read_message)),
                Err(errors) => {
                    prop_assert!(!errors.is_empty());
                    prop_assert!(errors.iter().all(|(_, code)| !code.is_empty()));
                }
            }
        }
    }
}
