//! Timestamps as of RFC 3339, in UTC and with milliseconds.

use std::{borrow::Cow, fmt, str::FromStr};

use jiff::SignedDuration;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::Invalid;

/// A time in UTC. Its text, such as `2026-01-02T03:04:05.678Z`, always has 24 characters, so that it sorts by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp(jiff::Timestamp);

impl Timestamp {
    /// Returns the current time, truncated to milliseconds.
    pub fn now() -> Self {
        Self::from_millis(jiff::Timestamp::now().as_millisecond())
    }

    /// Returns the time `millis` milliseconds after 1970-01-01T00:00:00Z, or the nearest one that can be represented.
    pub fn from_millis(millis: i64) -> Self {
        let end = if millis < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        Self(jiff::Timestamp::from_millisecond(millis).unwrap_or(end))
    }

    /// Returns the milliseconds since 1970-01-01T00:00:00Z.
    pub fn as_millis(self) -> i64 {
        self.0.as_millisecond()
    }

    /// Returns the seconds since 1970-01-01T00:00:00Z, which is the unit of a DynamoDB time to live.
    pub fn as_seconds(self) -> i64 {
        self.0.as_second()
    }

    /// Returns the time `seconds` later, or earlier if negative.
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(self.0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.0)
    }
}

impl FromStr for Timestamp {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let time: jiff::Timestamp = text
            .parse()
            .map_err(|_| Invalid::new("not_a_time", "must be an RFC 3339 time, such as 2026-01-02T03:04:05Z"))?;
        Ok(Self::from_millis(time.as_millisecond()))
    }
}

impl JsonSchema for Timestamp {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

impl TryFrom<String> for Timestamp {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<Timestamp> for String {
    fn from(time: Timestamp) -> Self {
        time.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_three_decimals_and_parses_to_the_same_time() {
        let time = Timestamp::from_millis(1_767_323_045_600);
        assert_eq!(time.to_string(), "2026-01-02T03:04:05.600Z");
        assert_eq!(time.to_string().parse(), Ok(time));
    }
}
