//! The types of fields.

use std::{borrow::Cow, str::FromStr};

use contracts::Role;
use deserr::{Deserr, IntoValue, Sequence, Value, ValuePointerRef};
use kernel::{Currency, Email, Invalid, Money, OrderId, PaymentId, ProductId, Quantity, Redacted, Text, UserId};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::InvalidFields;

/// Reads a field from text.
///
/// # Errors
/// If the value is not text, or [`FromStr`] rejects it.
pub fn read_text<T: FromStr<Err = Invalid>, V: IntoValue>(
    value: Value<V>,
    location: ValuePointerRef<'_>,
) -> Result<T, InvalidFields> {
    match value {
        Value::String(text) => text.parse().map_err(|invalid| InvalidFields::one(location, invalid)),
        other => Err(InvalidFields::unexpected(&other, "a string", location)),
    }
}

/// Reads a whole number; `5.0` is one, too.
///
/// # Errors
/// If the value is not a whole number, or `check` rejects it.
pub fn read_number<T, V: IntoValue>(
    value: Value<V>,
    location: ValuePointerRef<'_>,
    check: impl FnOnce(i128) -> Result<T, Invalid>,
) -> Result<T, InvalidFields> {
    let number = number_text(&value).and_then(|text| text.parse().ok());
    let number = number.ok_or_else(|| InvalidFields::unexpected(&value, "a whole number", location))?;
    check(number).map_err(|invalid| InvalidFields::one(location, invalid))
}

/// Returns the shortest text that is read as the same number, without an exponent.
fn number_text<V: IntoValue>(value: &Value<V>) -> Option<String> {
    match value {
        Value::Integer(number) => Some(number.to_string()),
        Value::NegativeInteger(number) => Some(number.to_string()),
        // Negative zero is zero.
        Value::Float(number) if *number == 0.0 => Some("0".to_owned()),
        Value::Float(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Implements [`Deserr`] for types that are parsed from text, as [`read_text`] does.
#[macro_export]
macro_rules! text_fields {
    ($($type:ty),+ $(,)?) => {
        $(impl ::deserr::Deserr<$crate::input::InvalidFields> for $type {
            fn deserialize_from_value<V: ::deserr::IntoValue>(
                value: ::deserr::Value<V>,
                location: ::deserr::ValuePointerRef<'_>,
            ) -> Result<Self, $crate::input::InvalidFields> {
                $crate::input::read_text(value, location)
            }
        })+
    };
}
text_fields!(Currency, Email, OrderId, PaymentId, ProductId, Role, UserId);

/// Implements `JsonSchema` with a schema that stands where the type is used, as that of a field does.
#[macro_export]
macro_rules! field_schema {
    ($type:ident, $schema:tt) => {
        impl ::schemars::JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> ::std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut ::schemars::SchemaGenerator) -> ::schemars::Schema {
                ::schemars::json_schema!($schema)
            }
        }
    };
}

impl<const MIN: usize, const MAX: usize> Deserr<InvalidFields> for Text<MIN, MAX> {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        location: ValuePointerRef<'_>,
    ) -> Result<Self, InvalidFields> {
        read_text(value, location)
    }
}

impl<T: Deserr<InvalidFields>> Deserr<InvalidFields> for Redacted<T> {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        location: ValuePointerRef<'_>,
    ) -> Result<Self, InvalidFields> {
        T::deserialize_from_value(value, location).map(Self::new)
    }
}

impl Deserr<InvalidFields> for Quantity {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        location: ValuePointerRef<'_>,
    ) -> Result<Self, InvalidFields> {
        // A number that does not fit into 32 bits is out of range, as 0 is.
        read_number(value, location, |number| Self::try_from(u32::try_from(number).unwrap_or(0)))
    }
}

/// A whole number from `MIN` to `MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whole<const MIN: i64, const MAX: i64>(i64);

impl<const MIN: i64, const MAX: i64> Whole<MIN, MAX> {
    /// Returns the number.
    pub fn get(self) -> i64 {
        self.0
    }
}

impl<const MIN: i64, const MAX: i64> Deserr<InvalidFields> for Whole<MIN, MAX> {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        location: ValuePointerRef<'_>,
    ) -> Result<Self, InvalidFields> {
        read_number(value, location, |number| {
            let in_range = i64::try_from(number).ok().filter(|number| (MIN..=MAX).contains(number));
            let out_of_range = || Invalid::new("out_of_range", format!("must be from {MIN} to {MAX}"));
            in_range.map(Self).ok_or_else(out_of_range)
        })
    }
}

impl<const MIN: i64, const MAX: i64> JsonSchema for Whole<MIN, MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Whole{MIN}To{MAX}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": MIN, "maximum": MAX })
    }
}

/// A list of `MIN` to `MAX` entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List<T, const MIN: usize, const MAX: usize>(pub Vec<T>);

impl<T: Deserr<InvalidFields>, const MIN: usize, const MAX: usize> Deserr<InvalidFields> for List<T, MIN, MAX> {
    /// Checks the length first, so that the entries of a list that is much too long are not checked.
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        location: ValuePointerRef<'_>,
    ) -> Result<Self, InvalidFields> {
        if let Value::Sequence(entries) = &value
            && !(MIN..=MAX).contains(&entries.len())
        {
            let invalid = Invalid::new("out_of_range", format!("must have {MIN} to {MAX} entries"));
            return Err(InvalidFields::one(location, invalid));
        }
        Vec::deserialize_from_value(value, location).map(Self)
    }
}

impl<T: JsonSchema, const MIN: usize, const MAX: usize> JsonSchema for List<T, MIN, MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("ListOf{MIN}To{MAX}{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let items = generator.subschema_for::<T>();
        json_schema!({ "type": "array", "minItems": MIN, "maxItems": MAX, "items": items })
    }
}

/// A field that can be changed, removed, or left as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Given<T> {
    /// The field is absent: its value stays as it is.
    #[default]
    Absent,
    /// The field is null: its value is removed.
    Null,
    /// The field has this new value.
    Value(T),
}

impl<T: Deserr<InvalidFields>> Deserr<InvalidFields> for Given<T> {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        location: ValuePointerRef<'_>,
    ) -> Result<Self, InvalidFields> {
        match value {
            Value::Null => Ok(Self::Null),
            value => T::deserialize_from_value(value, location).map(Self::Value),
        }
    }
}

/// A secret text, such as a password at login. It is not trimmed and not shown in logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret(pub Redacted<String>);

impl Secret {
    /// The maximum number of characters.
    const MAX_CHARS: usize = 1_024;
}

impl FromStr for Secret {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.chars().count() > Self::MAX_CHARS {
            return Err(Invalid::new("out_of_range", format!("must have at most {} characters", Self::MAX_CHARS)));
        }
        Ok(Self(Redacted::new(text.to_owned())))
    }
}

text_fields!(Secret);
field_schema!(Secret, { "type": "string", "format": "password", "maxLength": Secret::MAX_CHARS });

/// An amount without its currency. It is a decimal string, or a number with at most two decimals. It has at most 13 digits
/// before the decimal point, because a JSON number keeps 15 digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Amount(i64);

impl Amount {
    /// The largest amount, in minor units.
    pub(super) const MAX_MINOR: i64 = 999_999_999_999_999;

    /// Returns the amount in minor units, such as cents.
    pub fn minor(self) -> i64 {
        self.0
    }

    /// Returns the amount in `currency`.
    pub fn of(self, currency: Currency) -> Money {
        Money::from_minor(self.0, currency)
    }
}

impl FromStr for Amount {
    type Err = Invalid;

    fn from_str(decimal: &str) -> Result<Self, Invalid> {
        let minor = Money::parse(decimal, Currency::Usd)?.minor();
        // `-0` is no amount either.
        if !(0..=Self::MAX_MINOR).contains(&minor) || decimal.starts_with('-') {
            return Err(Invalid::new("out_of_range", "must be from 0 to 9999999999999.99"));
        }
        Ok(Self(minor))
    }
}

impl Deserr<InvalidFields> for Amount {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        location: ValuePointerRef<'_>,
    ) -> Result<Self, InvalidFields> {
        match (number_text(&value), value) {
            (Some(number), _) => number.parse().map_err(|invalid| InvalidFields::one(location, invalid)),
            (None, text @ Value::String(_)) => read_text(text, location),
            (None, other) => Err(InvalidFields::unexpected(&other, "an amount such as \"1299.99\"", location)),
        }
    }
}

field_schema!(Amount, {
    "type": ["string", "number"],
    "pattern": r"^(?:0|[1-9][0-9]{0,12})(?:\.[0-9]{1,2})?$",
    "minimum": 0,
    "maximum": 9_999_999_999_999.99,
    "multipleOf": 0.01,
});
