//! The AsyncAPI document.
//!
//! <https://www.asyncapi.com/docs/reference/specification/v3.0.0>

use std::collections::BTreeMap;

use contracts::Described;
use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

/// Returns the AsyncAPI 3.0 document of all events, with their golden samples as examples, and of the additional
/// documents of `contexts`.
///
/// # Errors
/// If two contexts define one name differently.
pub fn document(samples: &[(Described, Value)], contexts: Vec<Value>) -> Result<Value, String> {
    let mut generator = SchemaSettings::draft2020_12()
        .with(|settings| settings.definitions_path = "/components/schemas".into())
        .for_serialize()
        .into_generator();
    let mut by_source: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut messages = Map::new();
    for (event, sample) in samples {
        by_source.entry(event.source).or_default().push(event.event_type);
        messages.insert(event.event_type.to_owned(), message(event, sample, &mut generator));
    }
    let topics = by_source.iter().map(|(source, types)| ((*source).to_owned(), channel(source, types)));
    let operations = by_source.keys().map(|source| (format!("publish_{source}"), publish_operation(source)));
    let mut document = json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Waybill events",
            "version": env!("CARGO_PKG_VERSION"),
            "description": include_str!("description.md"),
        },
        "defaultContentType": "application/json",
        "servers": {
            "aws": {
                "host": "sns.{region}.amazonaws.com",
                "protocol": "sns",
                "description": "SNS in the account and region of the stack.",
                "variables": { "region": { "default": "eu-central-1" } },
            },
        },
        "channels": Value::Object(topics.collect()),
        "operations": Value::Object(operations.collect()),
        "components": {
            "messages": messages,
            "schemas": generator.take_definitions(true),
        },
    });
    for context in contexts {
        merge(&mut document, context)?;
    }
    Ok(document)
}

/// Adds the document of a context to `document`.
fn merge(document: &mut Value, context: Value) -> Result<(), String> {
    let Value::Object(mut sections) = context else {
        return Err("the document of a context is not an object".to_owned());
    };
    let components = sections.remove("components").unwrap_or_default();
    for (kind, entries) in components.as_object().cloned().unwrap_or_default() {
        add(&mut document["components"][&kind], entries, &kind)?;
    }
    sections.into_iter().try_for_each(|(section, entries)| add(&mut document[&section], entries, &section))
}

/// Adds named `entries` to the known ones. Entries with the same name have to be equal.
fn add(known: &mut Value, entries: Value, kind: &str) -> Result<(), String> {
    for (name, entry) in entries.as_object().cloned().unwrap_or_default() {
        if known.get(&name).is_some_and(|known| *known != entry) {
            return Err(format!("two contexts define {name} in {kind} differently"));
        }
        known[name] = entry;
    }
    Ok(())
}

/// Returns the channel of a context's topic.
fn channel(source: &str, types: &[&str]) -> Value {
    let topic = source[..1].to_uppercase() + &source[1..] + "Topic";
    let messages =
        types.iter().map(|name| ((*name).to_owned(), json!({ "$ref": format!("#/components/messages/{name}") })));
    json!({
        "address": source,
        "title": format!("Events of {source}"),
        "description": format!("The SNS topic of {source}. Its logical id in the root stack is `{topic}`."),
        "servers": [{ "$ref": "#/servers/aws" }],
        "messages": Value::Object(messages.collect()),
    })
}

fn publish_operation(source: &str) -> Value {
    json!({
        "action": "send",
        "title": format!("Publish the events of {source}"),
        "channel": { "$ref": format!("#/channels/{source}") },
    })
}

fn message(event: &Described, sample: &Value, generator: &mut SchemaGenerator) -> Value {
    let attributes = [("event_type", event.event_type), ("source", event.source)];
    let attributes = attributes.map(|(name, value)| (name.to_owned(), json!({ "type": "string", "const": value })));
    json!({
        "name": event.event_type,
        "title": format!("{} {}", event.event_type, event.version),
        "summary": event.about,
        "contentType": "application/json",
        "correlationId": {
            "description": "The correlation id of the request that caused the event, directly or through other events.",
            "location": "$message.payload#/correlation_id",
        },
        "headers": {
            "type": "object",
            "description": "The attributes of the SNS message, for filter policies.",
            "properties": Value::Object(attributes.into_iter().collect()),
        },
        "payload": event.schema(generator),
        "examples": [{ "name": "golden", "summary": "The golden sample.", "payload": sample }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_schema(schema: &Value) -> Value {
        json!({ "components": { "schemas": { "Status": schema } } })
    }

    #[test]
    fn entries_of_two_contexts_with_one_name_have_to_be_equal() {
        let text = json!({ "type": "string" });
        let mut document = with_schema(&text);
        merge(&mut document, with_schema(&text)).expect("merged");
        merge(&mut document, json!({ "channels": { "live": { "address": "/" } } })).expect("merged");
        let expected =
            json!({ "channels": { "live": { "address": "/" } }, "components": with_schema(&text)["components"] });
        assert_eq!(document, expected);
        let other = merge(&mut document, with_schema(&json!({ "type": "string", "enum": ["up"] })));
        assert_eq!(other, Err("two contexts define Status in schemas differently".to_owned()));
    }
}
