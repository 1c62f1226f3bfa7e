//! The part of the AsyncAPI document about the WebSocket API: the messages of clients and of the server. It is checked
//! in as `asyncapi.json` in this context's folder, where `tools/asyncapi` reads it.

use std::path::Path;

use lambda::generated;
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Value, json};

use super::messages::{ClientMessage, ServerMessage};

#[test]
fn asyncapi_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("asyncapi.json");
    assert_eq!(generated::up_to_date(&path, &format!("{:#}\n", part())), Ok(()));
}

fn part() -> Value {
    let mut generator = SchemaSettings::draft2020_12()
        .with(|settings| settings.definitions_path = "/components/schemas".into())
        .for_serialize()
        .into_generator();
    let messages = Value::Object(messages(&mut generator).into_iter().collect());
    json!({
        "servers": { "live": server() },
        "channels": { "live": channel() },
        "operations": Value::Object(operations().into_iter().collect()),
        "components": {
            "messages": messages,
            "schemas": generator.take_definitions(true),
            "securitySchemes": security_schemes(),
        },
    })
}

/// Describes the address.
fn server() -> Value {
    let security = ["bearer", "query"].map(|name| json!({ "$ref": format!("#/components/securitySchemes/{name}") }));
    json!({
        "host": "{api}.execute-api.{region}.amazonaws.com",
        "pathname": "/live",
        "protocol": "wss",
        "description": "The WebSocket API. Its address is an output of the stack. The handshake needs an access token of the HTTP API.",
        "variables": { "api": { "default": "abcdefghij" }, "region": { "default": "eu-central-1" } },
        "security": security,
    })
}

/// Describes the two ways to send the access token.
fn security_schemes() -> Value {
    json!({
        "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
        "query": {
            "type": "httpApiKey",
            "in": "query",
            "name": "access_token",
            "description": "For browsers, which cannot set a header on a WebSocket.",
        },
    })
}

/// Describes the channel.
fn channel() -> Value {
    json!({
        "address": "/",
        "title": "Live updates",
        "description": "Each frame has one JSON object. A connection ends with its token; the next one continues from `last_sequence`.",
        "servers": [{ "$ref": "#/servers/live" }],
        "messages": {
            "LiveRequest": { "$ref": "#/components/messages/LiveRequest" },
            "LiveMessage": { "$ref": "#/components/messages/LiveMessage" },
        },
    })
}

/// Describes the operations of the server.
fn operations() -> [(String, Value); 2] {
    let operation = |action: &str, title: &str, message: &str| {
        json!({
            "action": action,
            "title": title,
            "channel": { "$ref": "#/channels/live" },
            "messages": [{ "$ref": format!("#/channels/live/messages/{message}") }],
        })
    };
    [
        ("receive_live".to_owned(), operation("receive", "Messages of clients", "LiveRequest")),
        ("send_live".to_owned(), operation("send", "Messages to clients", "LiveMessage")),
    ]
}

/// Describes the messages of both directions, with examples.
fn messages(generator: &mut SchemaGenerator) -> [(String, Value); 2] {
    let requests = [
        ("subscribe", json!({ "action": "subscribe", "topic": "orders" })),
        ("resume", json!({ "action": "subscribe", "topic": "orders", "last_sequence": 41 })),
        ("ping", json!({ "action": "ping" })),
    ];
    let messages = [
        ("subscribed", json!({ "type": "subscribed", "topic": "orders", "sequence": 41 })),
        (
            "event",
            json!({
                "type": "event",
                "topic": "orders",
                "sequence": 42,
                "event_type": "OrderConfirmed",
                "subject": "01930000-0000-7003-8000-000000000001",
                "subject_sequence": 3,
                "time": "2026-11-21T06:30:31.533Z",
                "status": "paid",
            }),
        ),
        ("gap", json!({ "type": "gap", "topic": "orders", "from": 3, "to": 9 })),
    ];
    [
        (
            "LiveRequest".to_owned(),
            message::<ClientMessage>("LiveRequest", "A message of a client.", &requests, generator),
        ),
        (
            "LiveMessage".to_owned(),
            message::<ServerMessage>("LiveMessage", "A message to a client.", &messages, generator),
        ),
    ]
}

fn message<T: JsonSchema>(
    name: &str,
    summary: &str,
    payloads: &[(&str, Value)],
    generator: &mut SchemaGenerator,
) -> Value {
    let examples: Vec<Value> =
        payloads.iter().map(|(name, payload)| json!({ "name": name, "payload": payload })).collect();
    json!({
        "name": name,
        "title": name,
        "summary": summary,
        "contentType": "application/json",
        "payload": generator.subschema_for::<T>(),
        "examples": examples,
    })
}
