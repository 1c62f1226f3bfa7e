//! What goes over the socket: JSON objects, one in each frame. A client says what it wants in `action`, and is told what it gets in `type`.

use contracts::OrderEvent;
use kernel::Timestamp;
use lambda::{
    input::Fields,
    problem::{FieldError, Problem},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::topics::Topic;
use crate::rollups::Today;

/// What a client can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Request {
    /// To be told what happens, from now on or from where an earlier connection ended.
    Subscribe {
        /// What to follow.
        topic: Topic,
        /// The largest sequence of this topic up to which the client has seen all, if it goes on from there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last_sequence: Option<u64>,
    },
    /// Not to be told any more.
    Unsubscribe {
        /// What not to follow.
        topic: Topic,
    },
    /// A sign of life: a connection that is silent for ten minutes is closed by API Gateway.
    Ping,
}

/// What a client is told.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Message {
    /// The subscription stands; what was missed has been sent.
    Subscribed {
        /// What is followed.
        topic: Topic,
        /// The newest sequence of it. Sequences of a topic only ever rise, also from one connection to the next.
        sequence: u64,
    },
    /// The subscription has ended.
    Unsubscribed {
        /// What is not followed any more.
        topic: Topic,
    },
    /// Something happened to one of the client's orders.
    Event(OrderNews),
    /// Things happened in the shop.
    Events(ShopNews),
    /// These sequences cannot be sent any more: what the client shows has to be read again over HTTP.
    Gap {
        /// Of which topic.
        topic: Topic,
        /// The first sequence that is missing.
        from: u64,
        /// The last sequence that is missing.
        to: u64,
    },
    /// The answer to a ping.
    Pong,
    /// The last frame could not be done.
    Error(Refused),
}

/// What happened to an order.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct OrderNews {
    /// Always `orders`.
    pub topic: Topic,
    /// Its place among the messages of this topic: each is one more than the one before. They may come out of order: only one that was
    /// seen was sent twice. One that leaps follows something that is on its way, or lost: subscribing again with the largest up to which
    /// all were seen tells.
    pub sequence: u64,
    /// What happened: `OrderConfirmed`.
    pub event_type: String,
    /// The id of the order it happened to.
    pub subject: String,
    /// Its place among the events of that order. Events may come out of order: the one with the largest says how the order is.
    pub subject_sequence: u64,
    /// When it happened.
    pub time: Timestamp,
    /// What the order is after it.
    pub status: OrderStatus,
}

/// What happened in the shop within about a second.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ShopNews {
    /// Always `analytics`.
    pub topic: Topic,
    /// As with orders.
    pub sequence: u64,
    /// What happened, in the order in which it was counted.
    pub events: Vec<ShopEvent>,
    /// The day's figures, which count these events.
    pub today: Today,
}

/// One event of the shop. What it says of people stays where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShopEvent {
    /// What happened: `UserRegistered`.
    pub event_type: String,
    /// In which context: `users`.
    pub source: String,
    /// The id of the thing it happened to.
    pub subject: String,
    /// Its place among the events of that thing.
    pub sequence: u64,
    /// When it happened.
    pub time: Timestamp,
}

/// Why a frame could not be done, much as a problem of the HTTP API says it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Refused {
    /// Stable; what a program looks at: `forbidden`, `validation_failed`, `malformed_json`, `too_many_connections`, `token_expired`,
    /// `internal_error`.
    pub code: String,
    /// A sentence for a person.
    pub detail: String,
    /// What to name when asking for help.
    pub correlation_id: String,
    /// Every field that is wrong, with `validation_failed`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// What an order is, in the words of the HTTP API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // the same words as everywhere
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
    /// What an order is after an event.
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

impl Request {
    /// Reads one.
    pub fn read(fields: &Fields<'_>) -> Option<Self> {
        let Some(action) = fields.required::<Action>("action") else {
            // Which fields there may be, only the action says.
            ["topic", "last_sequence"].iter().for_each(|name| {
                fields.has(name);
            });
            return None;
        };
        match action {
            Action::Subscribe => {
                let (topic, last) = (fields.required("topic"), fields.optional::<Sequence>("last_sequence"));
                Some(Self::Subscribe { topic: topic?, last_sequence: last?.map(|Sequence(last)| last) })
            }
            Action::Unsubscribe => Some(Self::Unsubscribe { topic: fields.required("topic")? }),
            Action::Ping => Some(Self::Ping),
        }
    }
}

impl Message {
    /// As it goes over the socket. Nothing in it can fail to be written.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Refused {
    /// A problem, as it is told over a socket.
    pub fn of(problem: &Problem, correlation_id: impl ToString) -> Self {
        Self {
            code: problem.code().to_owned(),
            detail: problem.detail().to_owned(),
            correlation_id: correlation_id.to_string(),
            errors: problem.errors().to_vec(),
        }
    }
}

mod fields {
    //! How the fields of a request are read.

    use kernel::Invalid;
    use lambda::input::Field;
    use schemars::{Schema, json_schema};
    use serde_json::Value;

    pub(super) enum Action {
        Subscribe,
        Unsubscribe,
        Ping,
    }

    impl Field for Action {
        fn read(value: &Value) -> Result<Self, Invalid> {
            match value.as_str() {
                Some("subscribe") => Ok(Self::Subscribe),
                Some("unsubscribe") => Ok(Self::Unsubscribe),
                Some("ping") => Ok(Self::Ping),
                _ => Err(Invalid::new("unknown_action", "must be one of \"subscribe\", \"unsubscribe\", \"ping\"")),
            }
        }

        fn schema() -> Schema {
            json_schema!({ "type": "string", "enum": ["subscribe", "unsubscribe", "ping"] })
        }
    }

    pub(super) struct Sequence(pub(super) u64);

    impl Field for Sequence {
        fn read(value: &Value) -> Result<Self, Invalid> {
            let wrong = || Invalid::new("out_of_range", "must be a whole number from 0 on");
            value.as_u64().map(Self).ok_or_else(wrong)
        }

        fn schema() -> Schema {
            json_schema!({ "type": "integer", "minimum": 0 })
        }
    }
}
use fields::{Action, Sequence};

#[cfg(test)]
mod tests {
    use lambda::input::read_object;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn read(body: Value) -> Result<Request, Vec<(String, &'static str)>> {
        read_object(&body, Request::read)
            .map_err(|problem| problem.errors().iter().map(|error| (error.field.clone(), error.code)).collect())
    }

    #[test]
    fn what_is_wrong_is_named() {
        let subscribe = Request::Subscribe { topic: Topic::Orders, last_sequence: None };
        assert_eq!(read(json!({ "action": "subscribe", "topic": "orders" })), Ok(subscribe));
        assert_eq!(
            read(json!({ "action": "subscribe", "topic": "analytics", "last_sequence": 7 })),
            Ok(Request::Subscribe { topic: Topic::Analytics, last_sequence: Some(7) })
        );
        assert_eq!(read(json!({ "action": "ping" })), Ok(Request::Ping));
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
    fn what_a_client_asks_is_read_as_it_is_described() {
        for body in [
            json!({ "action": "subscribe", "topic": "orders", "last_sequence": 7 }),
            json!({ "action": "unsubscribe", "topic": "analytics" }),
            json!({ "action": "ping" }),
        ] {
            let described: Request = serde_json::from_value(body.clone()).expect("as described");
            assert_eq!(read(body), Ok(described));
        }
    }

    fn any_frame() -> impl Strategy<Value = Value> {
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
        prop::collection::btree_map(name, value, 0..4).prop_map(|frame| Value::Object(frame.into_iter().collect()))
    }

    proptest! {
        #[test]
        fn any_frame_is_a_request_or_every_error_names_a_field(frame in any_frame()) {
            match read(frame.clone()) {
                // What is taken is what was asked.
                Ok(Request::Ping) => prop_assert_eq!(&frame["action"], "ping"),
                Ok(request) => prop_assert_eq!(read(json!(request)), Ok(request)),
                Err(errors) => {
                    prop_assert!(!errors.is_empty());
                    prop_assert!(errors.iter().all(|(_, code)| !code.is_empty()));
                }
            }
        }
    }
}
