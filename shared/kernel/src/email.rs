//! E-mail addresses.

use std::{borrow::Cow, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::{Invalid, Redacted};

/// An e-mail address of at most 254 ASCII characters (RFC 5321; SES accepts no others). It is stored in lower case, so
/// that two spellings are one account.
///
/// It is personal data, so `Debug` does not show it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Email(Redacted<String>);

impl Email {
    /// Returns the address, for the table and for mail. It must not be logged.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl FromStr for Email {
    type Err = Invalid;

    /// Parses an address: words joined by single dots, one `@`, and a host name with a dot. Spaces and control
    /// characters are not allowed.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = || Invalid::new("not_an_email", "must be an e-mail address of at most 254 characters");
        let (local, host) = text.split_once('@').ok_or_else(invalid)?;
        let labels_ok = host.contains('.')
            && host.split('.').all(|label| {
                (1..=63).contains(&label.len())
                    && !label.starts_with('-')
                    && !label.ends_with('-')
                    && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            });
        let local_ok = local.len() <= 64
            && local.split('.').all(|word| !word.is_empty())
            && local.chars().all(|c| c.is_ascii_graphic() && !"<>()[]\\,;:\"@".contains(c));
        if !labels_ok || !local_ok || text.len() > 254 {
            return Err(invalid());
        }
        Ok(Self(Redacted::new(text.to_lowercase())))
    }
}

impl JsonSchema for Email {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Email".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let word = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+";
        let label = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
        json_schema!({
            "type": "string",
            "format": "email",
            "maxLength": 254,
            "pattern": format!(r"^{word}(?:\.{word})*@(?:{label}\.)+{label}$"),
            "allOf": [{ "pattern": "^[^@]{1,64}@" }],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_lower_case_and_not_in_debug_output() {
        let email: Email = "Ada.Lovelace@Example.com".parse().expect("an address");
        assert_eq!(email.expose(), "ada.lovelace@example.com");
        assert!(!format!("{email:?}").contains("ada"));
    }

    #[test]
    fn rejects_undeliverable_addresses() {
        for text in [
            "",
            "a",
            "a@",
            "@b.c",
            "a@b",
            "a b@c.de",
            "a@b..c",
            "a@-b.c",
            "a@b.c\r\nBcc: d@e.fg",
            "a@b@c.de",
            ".a@b.cd",
            "a.@b.cd",
            "a..b@c.de",
            "ü@b.de",
            "a@ü.de",
        ] {
            assert!(text.parse::<Email>().is_err(), "{text:?}");
        }
    }
}
