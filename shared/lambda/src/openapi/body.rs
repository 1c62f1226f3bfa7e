//! The documentation of request bodies.

use std::ops::RangeInclusive;

use schemars::Schema;
use serde_json::{Map, Value, json};

use crate::input::Field;

/// A JSON object as [`crate::input::Fields`] reads it. The types of the fields define their limits.
#[derive(Debug, Clone, Default)]
pub struct Object {
    properties: Map<String, Value>,
    required: Vec<&'static str>,
    last: &'static str,
    is_open: bool,
    pub(super) examples: Vec<(&'static str, Value)>,
}

impl Object {
    /// Creates an object without fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// Allows other fields, which are ignored.
    #[must_use]
    pub fn open(self) -> Self {
        Self { is_open: true, ..self }
    }

    /// Adds a required field.
    #[must_use]
    pub fn required<T: Field>(self, name: &'static str) -> Self {
        self.required_as(name, T::schema())
    }

    /// Adds a required field with a schema that is narrower than its type.
    #[must_use]
    pub fn required_as(mut self, name: &'static str, schema: Schema) -> Self {
        self.required.push(name);
        self.with(name, schema.to_value())
    }

    /// Adds a field that may be absent or null.
    #[must_use]
    pub fn optional<T: Field>(self, name: &'static str) -> Self {
        self.with(name, nullable(T::schema().to_value()))
    }

    /// Adds a field that may be absent or null, with a schema that is narrower than its type.
    #[must_use]
    pub fn optional_as(self, name: &'static str, schema: Schema) -> Self {
        self.with(name, nullable(schema.to_value()))
    }

    /// Adds a required list of objects.
    #[must_use]
    pub fn list(mut self, name: &'static str, length: RangeInclusive<usize>, of: Self) -> Self {
        self.required.push(name);
        let (min, max) = length.into_inner();
        self.with(name, json!({ "type": "array", "minItems": min, "maxItems": max, "items": of.schema() }))
    }

    /// Adds an object that may be absent or null.
    #[must_use]
    pub fn object(self, name: &'static str, of: Self) -> Self {
        self.with(name, nullable(of.schema()))
    }

    /// Describes the last field.
    #[must_use]
    pub fn description(mut self, description: &str) -> Self {
        if let Some(Value::Object(schema)) = self.properties.get_mut(self.last) {
            schema.insert("description".to_owned(), description.into());
        }
        self
    }

    /// Adds an example.
    #[must_use]
    pub fn example(mut self, name: &'static str, body: Value) -> Self {
        self.examples.push((name, body));
        self
    }

    fn with(mut self, name: &'static str, schema: Value) -> Self {
        self.properties.insert(name.to_owned(), schema);
        self.last = name;
        self
    }

    pub(super) fn schema(&self) -> Value {
        json!({
            "type": "object",
            "properties": self.properties,
            "required": self.required,
            "additionalProperties": self.is_open,
        })
    }
}

/// Returns a schema that accepts null, too.
fn nullable(mut schema: Value) -> Value {
    if let Some(types) = schema.get_mut("type") {
        let mut all = types.as_array().cloned().unwrap_or_else(|| vec![types.clone()]);
        all.push("null".into());
        *types = all.into();
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.push(Value::Null);
    }
    schema
}
