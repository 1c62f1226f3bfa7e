use lambda::{
    http::{self, Reply, Request},
    openapi::Operation,
};
use serde_json::{Map, Value, json};

/// `GET /openapi.json` and `/api/v1/openapi.json`: the document of all functions, as `make openapi` wrote it.
pub async fn openapi(_: &(), _: &Request) -> Reply {
    let document = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../openapi.json"));
    Ok(http::content("application/json", document).header("cache-control", "public, max-age=300"))
}

/// How the document tells of it.
pub(super) fn operation() -> Operation {
    Operation::new("GET /api/v1/openapi.json", "getOpenApi", "This document")
        .also("GET /openapi.json", "getOpenApiAtRoot")
        .ok::<Map<String, Value>>("OpenAPI 3.1, of all functions.", json!({ "openapi": "3.1.0" }))
}
