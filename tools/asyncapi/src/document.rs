//! The AsyncAPI document.
//!
//! <https://www.asyncapi.com/docs/reference/specification/v3.0.0>

use std::collections::BTreeMap;

use contracts::Described;
use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use crate::live;

/// AsyncAPI 3.0 of all events, each with its golden sample for an example.
pub fn document(samples: &[(Described, Value)]) -> Value {
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
    messages.extend(live::messages(&mut generator));
    let topics = by_source.iter().map(|(source, types)| ((*source).to_owned(), channel(source, types)));
    let channels = topics.chain([("live".to_owned(), live::channel())]);
    let publishing = by_source.keys().map(|source| (format!("publish_{source}"), publishing(source)));
    let operations = publishing.chain(live::operations());
    json!({
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
                "description": "SNS, in the account and region that the shop is deployed to.",
                "variables": { "region": { "default": "eu-central-1" } },
            },
            "live": live::server(),
        },
        "channels": Value::Object(channels.collect()),
        "operations": Value::Object(operations.collect()),
        "components": {
            "messages": messages,
            "schemas": generator.take_definitions(true),
            "securitySchemes": live::security_schemes(),
        },
    })
}

/// The topic of a context.
fn channel(source: &str, types: &[&str]) -> Value {
    let messages =
        types.iter().map(|name| ((*name).to_owned(), json!({ "$ref": format!("#/components/messages/{name}") })));
    json!({
        "address": source,
        "title": format!("The events of {source}"),
        "description": format!("The SNS topic of {source}; its ARN is an output of the stack."),
        "servers": [{ "$ref": "#/servers/aws" }],
        "messages": Value::Object(messages.collect()),
    })
}

fn publishing(source: &str) -> Value {
    json!({
        "action": "send",
        "title": format!("What {source} tells"),
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
            "description": "The request that led to it, however far back.",
            "location": "$message.payload#/correlation_id",
        },
        "headers": {
            "type": "object",
            "description": "The message's attributes, for filter policies.",
            "properties": Value::Object(attributes.into_iter().collect()),
        },
        "payload": event.schema(generator),
        "examples": [{ "name": "golden", "summary": "The golden sample.", "payload": sample }],
    })
}
