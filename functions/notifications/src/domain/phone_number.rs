//! Phone numbers.

use std::{borrow::Cow, str::FromStr};

use kernel::{Invalid, Redacted};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::masking;

/// A phone number in the format of ITU-T E.164: `+` and up to 15 digits.
///
/// It is personal data, which `Debug` does not show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PhoneNumber(Redacted<String>);

impl PhoneNumber {
    /// Returns the number, for the table and for SNS; never for a log or a response.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// Returns the masked number: `+49*****67`.
    pub fn masked(&self) -> String {
        masking::phone_number(self.expose())
    }
}

impl FromStr for PhoneNumber {
    type Err = Invalid;

    /// Country codes do not begin with 0, and no country has numbers of fewer than seven digits including its code.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_unchanged_and_hidden_from_debug_output() {
        let number: PhoneNumber = "+4915112345678".parse().expect("a number");
        assert_eq!((number.expose(), number.masked().as_str()), ("+4915112345678", "+49*****78"));
        assert!(!format!("{number:?}").contains("4915"));
    }

    #[test]
    fn invalid_numbers_are_rejected() {
        for text in
            ["", "+", "4915112345678", "+0151123456", "+123456", "+1234567890123456", "+49 151 1234567", "+49a1512345"]
        {
            assert!(text.parse::<PhoneNumber>().is_err(), "{text:?}");
        }
    }
}
