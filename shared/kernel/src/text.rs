//! Text of limited length.

use std::{borrow::Cow, fmt, ops::Deref, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::Invalid;

/// A text of `MIN` to `MAX` characters without control characters. White space at both ends is removed and does not
/// count for `MIN`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text<const MIN: usize, const MAX: usize>(String);

impl<const MIN: usize, const MAX: usize> FromStr for Text<MIN, MAX> {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let trimmed = text.trim();
        if text.chars().count() > MAX || trimmed.chars().count() < MIN {
            return Err(Invalid::new("out_of_range", format!("must have {MIN} to {MAX} characters")));
        }
        // U+FFFE and U+FFFF are not characters, and SQS rejects messages that contain them.
        if text.chars().any(|c| (c.is_control() && c != '\n') || matches!(c, '\u{fffe}' | '\u{ffff}')) {
            return Err(Invalid::new("not_text", "must not contain control characters"));
        }
        Ok(Self(trimmed.to_owned()))
    }
}

impl<const MIN: usize, const MAX: usize> JsonSchema for Text<MIN, MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Text{MIN}To{MAX}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let allowed = r"[^\u0000-\u0009\u000b-\u001f\u007f-\u009f\ufffe\uffff]";
        // The allowed characters that `trim` does not remove.
        let visible =
            concat!(r"[^\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029", r"\u202f\u205f\u3000\ufffe\uffff]");
        let pattern = match MIN {
            0 => format!("^{allowed}*$"),
            _ => format!("^{allowed}*{visible}{allowed}*$"),
        };
        json_schema!({ "type": "string", "minLength": MIN, "maxLength": MAX, "pattern": pattern })
    }
}

impl<const MAX: usize> Default for Text<0, MAX> {
    fn default() -> Self {
        Self(String::new())
    }
}

impl<const MIN: usize, const MAX: usize> Deref for Text<MIN, MAX> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<const MIN: usize, const MAX: usize> fmt::Display for Text<MIN, MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
