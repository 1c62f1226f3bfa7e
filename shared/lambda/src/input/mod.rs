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

use std::ops::ControlFlow;

use self::json::Json;
use deserr::{DeserializeError, Deserr, ErrorKind, IntoValue, MergeWithError, Value, ValueKind, ValuePointerRef};
pub use fields::{Amount, Given, List, Secret, Whole, read_number, read_text};
use kernel::Invalid;

use crate::{
    http::malformed,
    problem::{FieldError, Problem},
};

/// The number of characters of a name in an error. Names come from the caller, so long ones are truncated.
const MAX_NAME_CHARS: usize = 64;

/// Reads a body, which is a JSON object. Names are snake_case, and their camelCase spellings are accepted, too.
///
/// # Errors
/// 400 if it is not JSON, 422 with every field that is missing, invalid or unknown.
pub fn read<T: Deserr<InvalidFields>>(body: &[u8]) -> Result<T, Problem> {
    let json: Json = serde_json::from_slice(body).map_err(|error| malformed(error.line(), error.column()))?;
    let duplicates = json.duplicates(ValuePointerRef::Origin);
    let (value, mut errors) = match deserr::deserialize(json) {
        Ok(value) => (Some(value), Vec::new()),
        Err(InvalidFields(errors)) => (None, errors),
    };
    errors.extend(duplicates.into_iter().flat_map(|InvalidFields(errors)| errors));
    value.filter(|_| errors.is_empty()).ok_or_else(|| Problem::validation(errors))
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
    pub fn wrong_type<V: IntoValue>(actual: &Value<V>, expected: &str, location: ValuePointerRef<'_>) -> Self {
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
                Self::wrong_type(&actual, expected, location)
            }
            ErrorKind::MissingField { field } => Self::one(location.push_key(field), required()),
            ErrorKind::UnknownKey { key, .. } => Self::one(location.push_key(key), unknown_field()),
            ErrorKind::UnknownValue { accepted, .. } => {
                let message = format!("must be one of \"{}\"", accepted.join("\", \""));
                Self::one(location, Invalid::new("unknown_value", message))
            }
            ErrorKind::BadSequenceLen { expected, .. } => {
                Self::one(location, Invalid::new("out_of_range", format!("must have {expected} entries")))
            }
            ErrorKind::Unexpected { msg } => Self::one(location, Invalid::new("invalid", msg)),
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

/// Returns the path of a location, such as `items[0].quantity`.
fn path(location: ValuePointerRef<'_>) -> String {
    match location {
        ValuePointerRef::Origin => String::new(),
        ValuePointerRef::Index { index, prev } => format!("{}[{index}]", path(*prev)),
        ValuePointerRef::Key { key, prev } => {
            let name: String = key.chars().take(MAX_NAME_CHARS).collect();
            let outer = path(*prev);
            if outer.is_empty() { name } else { format!("{outer}.{name}") }
        }
    }
}
