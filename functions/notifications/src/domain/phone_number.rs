//! Telephone numbers.

use std::{borrow::Cow, str::FromStr};

use kernel::{Invalid, Redacted};
use lambda::input::{Field, schema_of};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::masking;

/// A telephone number in the form of ITU-T E.164: `+` and up to 15 digits.
///
/// It is personal: `Debug` does not show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PhoneNumber(Redacted<String>);

impl PhoneNumber {
    /// The number itself, for the store and for the message; never for a log or an answer.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// As much of it as may be shown: `+49*****67`.
    pub fn masked(&self) -> String {
        masking::phone_number(self.expose())
    }
}

impl FromStr for PhoneNumber {
    type Err = Invalid;

    /// A country code does not begin with 0; no country has numbers of fewer than seven digits with its code.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let digits = text.strip_prefix('+').unwrap_or_default();
        let is_number = (7..=15).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
        if !is_number || digits.starts_with('0') {
            return Err(Invalid::new("not_a_phone_number", "must be + and 7 to 15 digits, such as +4915112345678"));
        }
        Ok(Self(Redacted::new(text.to_owned())))
    }
}

impl JsonSchema for PhoneNumber {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "PhoneNumber".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": r"^\+[1-9][0-9]{6,14}$" })
    }
}

impl Field for PhoneNumber {
    fn read(value: &Value) -> Result<Self, Invalid> {
        value.as_str().ok_or_else(|| Invalid::new("wrong_type", "must be a string"))?.parse()
    }

    fn schema() -> Schema {
        schema_of::<Self>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_kept_as_it_is_and_out_of_debug_output() {
        let number: PhoneNumber = "+4915112345678".parse().expect("a number");
        assert_eq!((number.expose(), number.masked().as_str()), ("+4915112345678", "+49*****78"));
        assert!(!format!("{number:?}").contains("4915"));
    }

    #[test]
    fn refuses_what_no_telephone_has() {
        for text in
            ["", "+", "4915112345678", "+0151123456", "+123456", "+1234567890123456", "+49 151 1234567", "+49a1512345"]
        {
            assert!(text.parse::<PhoneNumber>().is_err(), "{text:?}");
        }
    }
}
