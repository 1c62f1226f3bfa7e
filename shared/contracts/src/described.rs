//! The events for people and their tools: what each type is about, and its JSON Schema.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};

use crate::{
    CatalogEvent, Envelope, Event, InventoryEvent, NotificationEvent, OrderEvent, PaymentEvent, UserEvent, lift,
};

/// One type of event in its present version.
#[derive(Debug, Clone, Copy)]
pub struct Described {
    /// Its name on the wire.
    pub event_type: &'static str,
    /// The version of its shape.
    pub version: &'static str,
    /// The context that publishes it.
    pub source: &'static str,
    /// What it says, in a sentence.
    pub about: &'static str,
    data: fn(&mut SchemaGenerator) -> Schema,
}

/// What an envelope has besides its event.
#[derive(JsonSchema)]
struct Nothing {}

/// Every type of event that the contexts publish.
pub fn described() -> Vec<Described> {
    [
        UserEvent::described(),
        CatalogEvent::described(),
        InventoryEvent::described(),
        OrderEvent::described(),
        PaymentEvent::described(),
        NotificationEvent::described(),
    ]
    .concat()
}

impl Described {
    pub(crate) fn new<E: Event, T: JsonSchema>(event_type: &'static str, about: &'static str) -> Self {
        Self {
            event_type,
            version: lift::present(E::LIFTS, event_type),
            source: E::SOURCE,
            about: about.trim(),
            data: SchemaGenerator::subschema_for::<T>,
        }
    }

    /// The schema of the whole envelope; the types it refers to are left with the generator. Who reads events passes over what the
    /// schema does not name: an event may grow.
    pub fn schema(&self, generator: &mut SchemaGenerator) -> Value {
        let mut schema = Envelope::<Nothing>::json_schema(generator).to_value();
        let fixed = [("event_type", self.event_type), ("version", self.version), ("source", self.source)];
        for (name, value) in fixed {
            schema["properties"][name] = json!({ "const": value });
        }
        schema["properties"]["data"] = (self.data)(generator).to_value();
        if let Some(required) = schema["required"].as_array_mut() {
            required.extend(["event_type".into(), "data".into()]);
        }
        schema["title"] = self.event_type.into();
        schema["description"] = self.about.into();
        schema
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_of_the_whole_envelope() {
        let mut generator = SchemaGenerator::default();
        let placed = described().into_iter().find(|event| event.event_type == "OrderPlaced").expect("a type");
        let schema = placed.schema(&mut generator);
        assert_eq!(schema["title"], "OrderPlaced");
        assert!(schema["description"].as_str().is_some_and(|text| text.starts_with("A customer ordered.")));
        assert_eq!(schema["properties"]["event_type"], json!({ "const": "OrderPlaced" }));
        assert_eq!(schema["properties"]["data"], json!({ "$ref": "#/$defs/OrderPlaced" }));
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for name in ["event_id", "timestamp", "subject", "sequence", "event_type", "version", "source", "data"] {
            assert!(required.contains(&name), "{name} in {required:?}");
        }
        assert!(!required.contains(&"causation_id"));
        assert!(generator.definitions().contains_key("OrderLine"));
    }
}
