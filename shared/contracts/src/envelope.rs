//! The envelope, which has the fields that all events have in common.

use kernel::{CorrelationId, EventId, Timestamp, TraceParent};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{Described, Upcaster, upcaster};

/// The events of one context.
pub trait Event: Serialize + DeserializeOwned {
    /// The context that publishes the events.
    const SOURCE: &'static str;
    /// The names of the event types in messages.
    const TYPES: &'static [&'static str];
    /// The conversions of events from older versions to the current one.
    const UPCASTERS: &'static [Upcaster] = &[];
    /// Returns the name of this event's type in messages.
    fn event_type(&self) -> &'static str;
    /// Describes all event types of the context.
    fn described() -> Vec<Described>;
}

/// An event with its metadata, as it is stored and published: `{"event_id", "event_type", "version", …, "data"}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Envelope<E> {
    /// The id of the event, which every delivery of it has.
    pub event_id: EventId,
    /// The version of the event's data.
    pub version: String,
    /// The time at which it happened.
    pub timestamp: Timestamp,
    /// The context that published it.
    pub source: String,
    /// The correlation id of the request that led to it, directly or through other events.
    pub correlation_id: CorrelationId,
    /// The event that directly caused it, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<EventId>,
    /// The W3C trace context.
    pub traceparent: TraceParent,
    /// The id of the entity that it happened to.
    pub subject: String,
    /// The position among the events of the subject, counted from 1.
    pub sequence: u64,
    /// The event, as the fields `event_type` and `data`.
    #[serde(flatten)]
    pub event: E,
}

/// The cause of a new event: a request, or another event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The correlation id of the request.
    pub correlation_id: CorrelationId,
    /// The trace context of the cause.
    pub traceparent: TraceParent,
    /// The event that is being handled, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<EventId>,
}

impl Cause {
    /// Creates a cause for work that no request or event caused, such as a schedule or an operator's command.
    pub fn own() -> Self {
        Self { correlation_id: CorrelationId::new(), traceparent: TraceParent::new(), causation_id: None }
    }
}

/// The error of a message that is not an envelope.
#[derive(Debug, thiserror::Error)]
#[error("not an event of `{context}`: {category:?} error at line {line}, column {column}")]
pub struct EnvelopeError {
    context: &'static str,
    // Only the kind and the position of the error: serde's message quotes the input, which may be personal data.
    category: serde_json::error::Category,
    line: usize,
    column: usize,
}

impl<E: Event> Envelope<E> {
    /// Creates the envelope of `event`, which is number `sequence` among the events of `subject`.
    pub fn new(event: E, subject: impl ToString, sequence: u64, now: Timestamp, cause: &Cause) -> Self {
        Self {
            event_id: EventId::new(),
            version: upcaster::current_version(E::UPCASTERS, event.event_type()).to_owned(),
            timestamp: now,
            source: E::SOURCE.to_owned(),
            correlation_id: cause.correlation_id.clone(),
            causation_id: cause.causation_id,
            traceparent: cause.traceparent.next(),
            subject: subject.to_string(),
            sequence,
            event,
        }
    }

    /// Reads a message or a log entry of any version, and converts it to the current one.
    ///
    /// Returns `None` for an unknown event type, which a newer producer may send.
    pub fn read(message: &str) -> Result<Option<Self>, EnvelopeError> {
        #[derive(Deserialize)]
        struct Head {
            event_type: String,
            #[serde(default)]
            version: String,
        }
        let invalid = |error: serde_json::Error| EnvelopeError {
            context: E::SOURCE,
            category: error.classify(),
            line: error.line(),
            column: error.column(),
        };
        let head: Head = serde_json::from_str(message).map_err(invalid)?;
        if !E::TYPES.contains(&head.event_type.as_str()) {
            return Ok(None);
        }
        if !upcaster::is_outdated(E::UPCASTERS, &head.event_type, &head.version) {
            return serde_json::from_str(message).map(Some).map_err(invalid);
        }
        let mut outdated: Value = serde_json::from_str(message).map_err(invalid)?;
        upcaster::upcast(E::UPCASTERS, &mut outdated);
        serde_json::from_value(outdated).map(Some).map_err(invalid)
    }

    /// Returns this event as the cause of another one.
    pub fn as_cause(&self) -> Cause {
        Cause {
            correlation_id: self.correlation_id.clone(),
            traceparent: self.traceparent.clone(),
            causation_id: Some(self.event_id),
        }
    }
}
