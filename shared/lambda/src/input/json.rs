//! A JSON document as it was sent: with the order of its fields, and with fields that are given twice.

use std::{collections::BTreeSet, fmt};

use deserr::{IntoValue, Map, Value, ValueKind, ValuePointerRef};
use kernel::Invalid;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};

use super::{MAX_ERRORS, path};
use crate::problem::FieldError;

/// A JSON value. The names of fields are in snake_case, whatever their spelling.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Integer(u64),
    NegativeInteger(i64),
    Float(f64),
    Text(String),
    List(Vec<Self>),
    Object(Fields),
}

/// The fields of an object, in the order in which they were sent.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Fields(Vec<Field>);

#[derive(Debug, Clone, PartialEq)]
struct Field {
    name: String,
    value: Json,
}

impl Json {
    /// Returns the fields of an object; other values have none.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&str, &Self)> {
        let fields = if let Self::Object(Fields(fields)) = self { fields.as_slice() } else { &[] };
        fields.iter().map(|field| (field.name.as_str(), &field.value))
    }

    /// Adds the errors of the fields that are given more than once, up to [`MAX_ERRORS`].
    pub(super) fn report_duplicates(&self, location: ValuePointerRef<'_>, errors: &mut Vec<FieldError>) {
        if errors.len() >= MAX_ERRORS {
            return;
        }
        match self {
            Self::List(entries) => {
                for (index, entry) in entries.iter().enumerate() {
                    entry.report_duplicates(location.push_index(index), errors);
                }
            }
            Self::Object(Fields(fields)) => {
                let mut names = BTreeSet::new();
                for Field { name, value } in fields {
                    let location = location.push_key(name);
                    if !names.insert(name) && errors.len() < MAX_ERRORS {
                        let twice = Invalid::new("duplicate", "must be given only once, in snake_case or in camelCase");
                        errors.push(FieldError::new(path(location), twice));
                    }
                    value.report_duplicates(location, errors);
                }
            }
            _ => {}
        }
    }
}

impl IntoValue for Json {
    type Sequence = Vec<Self>;
    type Map = Fields;

    fn into_value(self) -> Value<Self> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Boolean(value),
            Self::Integer(number) => Value::Integer(number),
            Self::NegativeInteger(number) => Value::NegativeInteger(number),
            Self::Float(number) => Value::Float(number),
            Self::Text(text) => Value::String(text),
            Self::List(entries) => Value::Sequence(entries),
            Self::Object(fields) => Value::Map(fields),
        }
    }

    fn kind(&self) -> ValueKind {
        match self {
            Self::Null => ValueKind::Null,
            Self::Bool(_) => ValueKind::Boolean,
            Self::Integer(_) => ValueKind::Integer,
            Self::NegativeInteger(_) => ValueKind::NegativeInteger,
            Self::Float(_) => ValueKind::Float,
            Self::Text(_) => ValueKind::String,
            Self::List(_) => ValueKind::Sequence,
            Self::Object(_) => ValueKind::Map,
        }
    }
}

impl Map for Fields {
    type Value = Json;
    type Iter = std::vec::IntoIter<(String, Json)>;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn remove(&mut self, name: &str) -> Option<Json> {
        let index = self.0.iter().position(|field| field.name == name)?;
        Some(self.0.remove(index).value)
    }

    fn into_iter(self) -> Self::Iter {
        self.0.into_iter().map(|Field { name, value }| (name, value)).collect::<Vec<_>>().into_iter()
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(Json::Integer(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(u64::try_from(number).map_or(Json::NegativeInteger(number), Json::Integer))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Json, E> {
        Ok(Json::Float(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(entry) = entries.next_element()? {
            list.push(entry);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut fields = Vec::new();
        while let Some((name, value)) = entries.next_entry::<String, Json>()? {
            fields.push(Field { name: snake_case(&name), value });
        }
        Ok(Json::Object(Fields(fields)))
    }
}

/// `productId` → `product_id`.
fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            if !snake.is_empty() {
                snake.push('_');
            }
            snake.push(c.to_ascii_lowercase());
        } else {
            snake.push(c);
        }
    }
    snake
}
