//! The part of the AsyncAPI document that is about the WebSocket: what a client may ask, and what it is told. It is checked in as
//! `asyncapi.json` in this context's folder, from where the tool of that name takes it.

use std::path::Path;

use lambda::generated;
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Value, json};

use super::messages::{Message, Request};

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

/// Where a client connects.
fn server() -> Value {
    let security = ["bearer", "query"].map(|name| json!({ "$ref": format!("#/components/securitySchemes/{name}") }));
    json!({
        "host": "{api}.execute-api.{region}.amazonaws.com",
        "pathname": "/live",
        "protocol": "wss",
        "description": "The WebSocket API; its address is an output of the stack. An access token of the HTTP API opens it.",
        "variables": { "api": { "default": "abcdefghij" }, "region": { "default": "eu-central-1" } },
        "security": security,
    })
}

/// How a client says who it is.
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

/// The socket itself.
fn channel() -> Value {
    json!({
        "address": "/",
        "title": "Live messages",
        "description": "A JSON object in each frame. A connection lasts as long as its token; the next one goes on from `last_sequence`.",
        "servers": [{ "$ref": "#/servers/live" }],
        "messages": {
            "LiveRequest": { "$ref": "#/components/messages/LiveRequest" },
            "LiveMessage": { "$ref": "#/components/messages/LiveMessage" },
        },
    })
}

/// What is done over it, seen from the shop.
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
        ("hear_live".to_owned(), operation("receive", "What a client asks", "LiveRequest")),
        ("tell_live".to_owned(), operation("send", "What a client is told", "LiveMessage")),
    ]
}

/// The two kinds of frames.
fn messages(generator: &mut SchemaGenerator) -> [(String, Value); 2] {
    let asked = [
        ("subscribe", json!({ "action": "subscribe", "topic": "orders" })),
        ("resume", json!({ "action": "subscribe", "topic": "orders", "last_sequence": 41 })),
        ("ping", json!({ "action": "ping" })),
    ];
    let told = [
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
        ("LiveRequest".to_owned(), message::<Request>("LiveRequest", "What a client asks for.", &asked, generator)),
        ("LiveMessage".to_owned(), message::<Message>("LiveMessage", "What a client is told.", &told, generator)),
    ]
}

fn message<T: JsonSchema>(name: &str, about: &str, frames: &[(&str, Value)], generator: &mut SchemaGenerator) -> Value {
    let examples: Vec<Value> =
        frames.iter().map(|(name, payload)| json!({ "name": name, "payload": payload })).collect();
    json!({
        "name": name,
        "title": name,
        "summary": about,
        "contentType": "application/json",
        "payload": generator.subschema_for::<T>(),
        "examples": examples,
    })
}
