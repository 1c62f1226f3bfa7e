//! Ids that connect the log lines of one request across all functions.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Invalid;

/// A correlation id: the value of the `X-Correlation-Id` header, or a new UUID. It has 1 to 64 of `A-Z a-z 0-9 . _ -`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct CorrelationId(String);

impl CorrelationId {
    /// Generates an id for a request without one.
    pub fn new() -> Self {
        Self(Uuid::now_v7().to_string())
    }

    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for CorrelationId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for CorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for CorrelationId {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl FromStr for CorrelationId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let safe = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        if safe && (1..=64).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::new("not_a_correlation_id", "must be 1 to 64 letters, digits, dots, dashes or underscores"))
        }
    }
}

impl JsonSchema for CorrelationId {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "CorrelationId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$" })
    }
}

/// A W3C trace context (`traceparent`, version 00). Each hop of a trace is a new span.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct TraceParent(String);

impl TraceParent {
    /// Starts a new trace.
    pub fn new() -> Self {
        Self::assemble(&random_hex(), "01")
    }

    /// Returns the next hop of this trace, with the same trace id and a new span id.
    pub fn next(&self) -> Self {
        Self::assemble(&self.0[3..35], &self.0[53..55])
    }

    /// Returns the value of the header.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn assemble(trace: &str, flags: &str) -> Self {
        Self(format!("00-{trace}-{}-{flags}", &random_hex()[..16]))
    }
}

impl Default for TraceParent {
    fn default() -> Self {
        Self::new()
    }
}

impl TryFrom<String> for TraceParent {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl FromStr for TraceParent {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = || Invalid::new("not_a_traceparent", "must be a W3C traceparent of version 00");
        let parts: Vec<&str> = text.split('-').collect();
        let [version, trace, span, flags] = parts[..] else {
            return Err(invalid());
        };
        let hex = |s: &str, length: usize| {
            s.len() == length && s.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        };
        let zero = |s: &str| s.bytes().all(|b| b == b'0');
        if version != "00" || !hex(trace, 32) || !hex(span, 16) || !hex(flags, 2) || zero(trace) || zero(span) {
            return Err(invalid());
        }
        Ok(Self(text.to_owned()))
    }
}

impl JsonSchema for TraceParent {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "TraceParent".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$" })
    }
}

/// Returns 32 random hex digits.
fn random_hex() -> String {
    Uuid::new_v4().simple().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_hop_has_the_same_trace_and_a_new_span() {
        let first: TraceParent =
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().expect("the W3C example");
        let next = first.next();
        assert_eq!(next.as_str()[..36], first.as_str()[..36]);
        assert_ne!(next.as_str(), first.as_str());
        assert!(next.as_str().parse::<TraceParent>().is_ok());
        assert!(TraceParent::new().as_str().parse::<TraceParent>().is_ok());
    }

    #[test]
    fn rejects_ids_that_could_forge_a_log_line() {
        for text in ["", "a b", "a\nb", "ü", &"a".repeat(65)] {
            assert!(text.parse::<CorrelationId>().is_err(), "{text:?}");
        }
    }
}
