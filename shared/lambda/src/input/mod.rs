//! Request bodies. A body is a struct that derives [`Deserr`], which reads all fields before it reports the invalid
//! ones, and `JsonSchema`, which the OpenAPI document shows.
//!
//! ```
//! # use deserr::Deserr;
//! # use kernel::{Quantity, Text};
//! # use lambda::input::{self, InvalidFields};
//! # use schemars::JsonSchema;
//! #[derive(Deserr, JsonSchema)]
//! #[deserr(error = InvalidFields, deny_unknown_fields)]
//! struct WriteNote {
//!     text: Text<1, 60>,
//!     /// How many copies are printed.
//!     #[deserr(default)]
//!     copies: Option<Quantity>,
//! }
//!
//! assert!(input::read::<WriteNote>(br#"{ "text": "Milk", "copies": 2 }"#).is_ok());
//! let problem = input::read::<WriteNote>(br#"{ "copies": 0 }"#).err().expect("two invalid fields");
//! assert_eq!(problem.errors().len(), 2);
//! ```

mod fields;
mod json;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, ops::ControlFlow};

use deserr::{DeserializeError, Deserr, ErrorKind, IntoValue, MergeWithError, Value, ValueKind, ValuePointerRef};
pub use fields::{Amount, Given, List, Secret, Whole, read_number, read_text};
use kernel::Invalid;

use self::json::Json;
use crate::{
    http::malformed,
    problem::{FieldError, Problem},
};

/// The number of characters of a name in an error. Names come from the caller, so long ones are truncated.
const MAX_NAME_CHARS: usize = 64;

/// The number of characters of a path in an error.
const MAX_PATH_CHARS: usize = 256;

/// The maximum number of errors in a response.
const MAX_ERRORS: usize = 100;

/// Reads a body, which is a JSON object. Names are snake_case, and their camelCase spellings are accepted, too.
///
/// # Errors
/// 400 if it is not JSON, 422 with every field that is missing, invalid or unknown.
pub fn read<T: Deserr<InvalidFields>>(body: &[u8]) -> Result<T, Problem> {
    read_with(body, |_| ())
}

/// Reads a body as [`read`] does. `rules` checks which fields are given together, also if some of them are invalid.
///
/// # Errors
/// 400 if it is not JSON, 422 with every field that is missing, invalid, unknown or refused by the rules.
pub fn read_with<T: Deserr<InvalidFields>>(body: &[u8], rules: impl FnOnce(&mut Rules)) -> Result<T, Problem> {
    let json: Json = serde_json::from_slice(body).map_err(|error| malformed(error.line(), error.column()))?;
    let mut checked = Rules::of(&json);
    if matches!(json, Json::Object(_)) {
        rules(&mut checked);
    }
    let mut duplicates = Vec::new();
    json.report_duplicates(ValuePointerRef::Origin, &mut duplicates);
    let (value, errors) = match deserr::deserialize(json) {
        Ok(value) => (Some(value), Vec::new()),
        Err(InvalidFields(errors)) => (None, errors),
    };
    let errors = errors.into_iter().filter(|error| !checked.refuses(&error.field));
    let errors: Vec<FieldError> =
        errors.chain(checked.errors.iter().cloned()).chain(duplicates).take(MAX_ERRORS).collect();
    match value {
        Some(value) if errors.is_empty() => Ok(value),
        _ => Err(Problem::validation(errors)),
    }
}

/// The rules of a body about fields that are given, or missing, together.
#[derive(Debug)]
pub struct Rules {
    given: BTreeMap<String, bool>,
    errors: Vec<FieldError>,
}

impl Rules {
    fn of(json: &Json) -> Self {
        let fields = json.fields().map(|(name, value)| (name.to_owned(), *value != Json::Null));
        Self { given: fields.collect(), errors: Vec::new() }
    }

    /// Returns whether a field is given and not null.
    pub fn has(&self, name: &str) -> bool {
        self.given.get(name).is_some_and(|has_value| *has_value)
    }

    /// Returns whether a field is given, if only as null.
    pub fn is_given(&self, name: &str) -> bool {
        self.given.contains_key(name)
    }

    /// Refuses a field. Other errors of it are not reported.
    pub fn refuse(&mut self, name: &str, invalid: Invalid) {
        self.errors.push(FieldError::new(name, invalid));
    }

    fn refuses(&self, path: &str) -> bool {
        let field = path.split(['.', '[']).next().unwrap_or_default();
        self.errors.iter().any(|error| error.field == field)
    }
}

/// All invalid fields of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidFields(Vec<FieldError>);

impl InvalidFields {
    /// Creates the error of the value at `location`.
    pub fn one(location: ValuePointerRef<'_>, invalid: Invalid) -> Self {
        Self(vec![FieldError::new(path(location), invalid)])
    }

    /// Creates the error of a value that is not `expected`, such as `a string`. A field that is null is missing.
    pub fn unexpected<V: IntoValue>(actual: &Value<V>, expected: &str, location: ValuePointerRef<'_>) -> Self {
        let is_field = matches!(location, ValuePointerRef::Key { .. });
        Self::one(location, if is_field && matches!(actual, Value::Null) { required() } else { wrong_type(expected) })
    }
}

impl MergeWithError<Self> for InvalidFields {
    fn merge(found: Option<Self>, other: Self, _: ValuePointerRef<'_>) -> ControlFlow<Self, Self> {
        let mut all = found.map_or_else(Vec::new, |Self(errors)| errors);
        all.extend(other.0);
        ControlFlow::Continue(Self(all))
    }
}

impl DeserializeError for InvalidFields {
    fn error<V: IntoValue>(
        found: Option<Self>,
        error: ErrorKind<'_, V>,
        location: ValuePointerRef<'_>,
    ) -> ControlFlow<Self, Self> {
        let one = match error {
            ErrorKind::IncorrectValueKind { actual, accepted } => {
                let expected = accepted.first().map_or("another value", |kind| name_of(*kind));
                Self::unexpected(&actual, expected, location)
            }
            ErrorKind::MissingField { field } => Self::one(location.push_key(field), required()),
            ErrorKind::UnknownKey { key, .. } => Self::one(location.push_key(key), unknown_field()),
            // The fields of this API are not read in a way that has these errors.
            ErrorKind::UnknownValue { .. } | ErrorKind::BadSequenceLen { .. } | ErrorKind::Unexpected { .. } => {
                Self::one(location, Invalid::new("not_valid", "is not a valid value"))
            }
        };
        Self::merge(found, one, location)
    }
}

fn name_of(kind: ValueKind) -> &'static str {
    match kind {
        ValueKind::Null => "null",
        ValueKind::Boolean => "true or false",
        ValueKind::Integer | ValueKind::NegativeInteger => "a whole number",
        ValueKind::Float => "a number",
        ValueKind::String => "a string",
        ValueKind::Sequence => "a list",
        ValueKind::Map => "an object",
    }
}

/// Creates the error of a field that is missing.
pub fn required() -> Invalid {
    Invalid::new("required", "is required")
}

/// Creates the error of a field that a request does not have.
pub fn unknown_field() -> Invalid {
    Invalid::new("unknown_field", "is not a field of this request")
}

fn wrong_type(expected: &str) -> Invalid {
    Invalid::new("wrong_type", format!("must be {expected}"))
}

/// Returns the path of a location, such as `items[0].quantity`. It may have names of the caller, so a long one is truncated.
fn path(location: ValuePointerRef<'_>) -> String {
    let mut parts = Vec::new();
    let mut rest = location;
    loop {
        match rest {
            ValuePointerRef::Origin => break,
            ValuePointerRef::Index { index, prev } => {
                parts.push(format!("[{index}]"));
                rest = *prev;
            }
            ValuePointerRef::Key { key, prev } => {
                let dot = if matches!(prev, ValuePointerRef::Origin) { "" } else { "." };
                parts.push(format!("{dot}{}", key.chars().take(MAX_NAME_CHARS).collect::<String>()));
                rest = *prev;
            }
        }
    }
    parts.iter().rev().flat_map(|part| part.chars()).take(MAX_PATH_CHARS).collect()
}
