//! The documentation of request bodies.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Value, json};

/// A form of a request body. It has the schema of the struct that reads the body, and may require or exclude some fields.
///
/// Doc comments of the struct and of its fields become descriptions.
#[derive(Debug, Clone)]
pub struct Form {
    pub(super) schema: Value,
    pub(super) examples: Vec<(&'static str, Value)>,
}

impl Form {
    /// Creates the form that has all fields of `T`. Other fields are rejected.
    pub fn of<T: JsonSchema>() -> Self {
        let mut schema = inline_schema::<T>();
        close(&mut schema);
        Self { schema, examples: Vec::new() }
    }

    /// Creates the form that has all fields of `T`, and allows others, which are ignored.
    pub fn open<T: JsonSchema>() -> Self {
        Self { schema: inline_schema::<T>(), examples: Vec::new() }
    }

    /// Requires fields that are optional in the struct.
    #[must_use]
    pub fn requiring(mut self, names: &[&str]) -> Self {
        for name in names {
            require(self.field(name));
        }
        let mut required = self.schema["required"].as_array().cloned().unwrap_or_default();
        required.extend(names.iter().map(|name| json!(name)));
        self.schema["required"] = required.into();
        self
    }

    /// Excludes fields of the struct.
    #[must_use]
    pub fn without(mut self, names: &[&str]) -> Self {
        names.iter().for_each(|name| _ = self.field(name));
        if let Some(Value::Object(properties)) = self.schema.get_mut("properties") {
            properties.retain(|name, _| !names.contains(&name.as_str()));
        }
        self
    }

    /// Returns the schema of a field.
    ///
    /// # Panics
    /// If the struct has no such field.
    fn field(&mut self, name: &str) -> &mut Value {
        let found = self.schema.get_mut("properties").and_then(|properties| properties.get_mut(name));
        found.unwrap_or_else(|| panic!("the body has no field {name}"))
    }

    /// Adds an example.
    #[must_use]
    pub fn example(mut self, name: &'static str, body: Value) -> Self {
        self.examples.push((name, body));
        self
    }
}

fn inline_schema<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().for_deserialize();
    let mut generator = settings.with(|settings| settings.inline_subschemas = true).into_generator();
    T::json_schema(&mut generator).to_value()
}

/// Rejects unknown fields in all objects of a schema.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if object.contains_key("properties") {
                object.entry("additionalProperties").or_insert(false.into());
            }
            object.values_mut().for_each(close);
        }
        Value::Array(values) => values.iter_mut().for_each(close),
        _ => {}
    }
}

/// Removes null from the schema of a field.
fn require(schema: &mut Value) {
    let Some(schema) = schema.as_object_mut() else { return };
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|one| one != "null");
        if let [one] = &types[..] {
            let one = one.clone();
            schema.insert("type".to_owned(), one);
        }
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    let without_null = schema.get("anyOf").and_then(Value::as_array).and_then(|alternatives| match &alternatives[..] {
        [Value::Object(one), null] if null.get("type").is_some_and(|kind| kind == "null") => Some(one.clone()),
        _ => None,
    });
    if let Some(one) = without_null {
        schema.remove("anyOf");
        schema.extend(one);
    }
}
