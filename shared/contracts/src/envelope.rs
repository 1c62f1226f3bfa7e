//! The envelope: what every event says of itself, whatever it tells.

use kernel::{CorrelationId, EventId, Timestamp, TraceParent};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{Described, Lift, lift};

/// One context's events.
pub trait Event: Serialize + DeserializeOwned {
    /// The context that publishes them.
    const SOURCE: &'static str;
    /// Their names on the wire.
    const TYPES: &'static [&'static str];
    /// How events of older shapes become those of the present.
    const LIFTS: &'static [Lift] = &[];
    /// This one's name on the wire.
    fn event_type(&self) -> &'static str;
    /// All of them, for people.
    fn described() -> Vec<Described>;
}

/// An event on its way: `{"event_id", "event_type", "version", …, "data"}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Envelope<E> {
    /// This event, once and for all; a second delivery has the same.
    pub event_id: EventId,
    /// The version of its shape.
    pub version: String,
    /// When it happened.
    pub timestamp: Timestamp,
    /// The context it happened in.
    pub source: String,
    /// The request that led to it, however far back.
    pub correlation_id: CorrelationId,
    /// The event that led to it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<EventId>,
    /// The trace it belongs to.
    pub traceparent: TraceParent,
    /// The id of the thing it happened to.
    pub subject: String,
    /// Its place among the events of that subject, from 1.
    pub sequence: u64,
    /// What happened: `event_type` and `data`.
    #[serde(flatten)]
    pub event: E,
}

/// What a new event follows from: a request, or the event before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The request's correlation id.
    pub correlation_id: CorrelationId,
    /// The trace so far.
    pub traceparent: TraceParent,
    /// The event that is being handled, if one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<EventId>,
}

impl Cause {
    /// Work that nobody asked for: a schedule, a command of an operator.
    pub fn own() -> Self {
        Self { correlation_id: CorrelationId::new(), traceparent: TraceParent::new(), causation_id: None }
    }
}

/// Why a message is not an envelope.
#[derive(Debug, thiserror::Error)]
#[error("not an event of `{context}`: {category:?} error at line {line}, column {column}")]
pub struct EnvelopeError {
    context: &'static str,
    // Where and of what kind, not what: the reader's own words quote the message, which may be personal.
    category: serde_json::error::Category,
    line: usize,
    column: usize,
}

impl<E: Event> Envelope<E> {
    /// Puts `event`, the `sequence`th of `subject`, into a new envelope.
    pub fn new(event: E, subject: impl ToString, sequence: u64, now: Timestamp, cause: &Cause) -> Self {
        Self {
            event_id: EventId::new(),
            version: lift::present(E::LIFTS, event.event_type()).to_owned(),
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

    /// Reads a message or an entry of a log, whatever version of its type it has; `None` for an event type this build does not
    /// know, which a newer producer may send.
    pub fn read(message: &str) -> Result<Option<Self>, EnvelopeError> {
        #[derive(Deserialize)]
        struct Head {
            event_type: String,
            #[serde(default)]
            version: String,
        }
        let refused = |error: serde_json::Error| EnvelopeError {
            context: E::SOURCE,
            category: error.classify(),
            line: error.line(),
            column: error.column(),
        };
        let head: Head = serde_json::from_str(message).map_err(refused)?;
        if !E::TYPES.contains(&head.event_type.as_str()) {
            return Ok(None);
        }
        if !lift::is_old(E::LIFTS, &head.event_type, &head.version) {
            return serde_json::from_str(message).map(Some).map_err(refused);
        }
        let mut old: Value = serde_json::from_str(message).map_err(refused)?;
        lift::lift(E::LIFTS, &mut old);
        serde_json::from_value(old).map(Some).map_err(refused)
    }

    /// What an event that follows from this one names as its cause.
    pub fn as_cause(&self) -> Cause {
        Cause {
            correlation_id: self.correlation_id.clone(),
            traceparent: self.traceparent.clone(),
            causation_id: Some(self.event_id),
        }
    }
}
