//! Descriptions of all event types with their JSON Schemas, for the AsyncAPI document and other tools.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};

use crate::{
    CatalogEvent, Envelope, Event, InventoryEvent, NotificationEvent, OrderEvent, PaymentEvent, UserEvent, upcaster,
};

/// An event type in its current version.
#[derive(Debug, Clone, Copy)]
pub struct Described {
    /// The name of the type in messages.
    pub event_type: &'static str,
    /// The current version of its data.
    pub version: &'static str,
    /// The context that publishes it.
    pub source: &'static str,
    /// The meaning of the event in one sentence.
    pub about: &'static str,
    data: fn(&mut SchemaGenerator) -> Schema,
}

/// Stands in for the event where the schema of the bare envelope is generated.
#[derive(JsonSchema)]
struct NoEvent {}

/// All event types that the contexts publish.
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
            version: upcaster::current_version(E::UPCASTERS, event_type),
            source: E::SOURCE,
            about: about.trim(),
            data: SchemaGenerator::subschema_for::<T>,
        }
    }

    /// Returns the schema of the envelope with this event; the types that it refers to stay in the generator. The
    /// schema allows other fields, because consumers ignore fields that they do not know.
    pub fn schema(&self, generator: &mut SchemaGenerator) -> Value {
        let mut schema = Envelope::<NoEvent>::json_schema(generator).to_value();
        let constants = [("event_type", self.event_type), ("version", self.version), ("source", self.source)];
        for (name, value) in constants {
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
    fn a_schema_describes_the_whole_envelope() {
        let mut generator = SchemaGenerator::default();
        let placed = described().into_iter().find(|event| event.event_type == "OrderPlaced").expect("a type");
        let schema = placed.schema(&mut generator);
        assert_eq!(schema["title"], "OrderPlaced");
        assert!(schema["description"].as_str().is_some_and(|text| text.starts_with("A customer placed an order.")));
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
