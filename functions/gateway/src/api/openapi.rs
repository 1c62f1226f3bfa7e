use lambda::{
    http::{self, Reply, Request},
    openapi::Operation,
    policy::{Access, Route},
};
use serde_json::{Map, Value, json};

pub(crate) const GET_OPENAPI: Route = Route::new("GET /api/v1/openapi.json", Access::Anyone);
pub(crate) const GET_OPENAPI_AT_ROOT: Route = Route::new("GET /openapi.json", Access::Anyone);

/// `GET /openapi.json` and `/api/v1/openapi.json`: returns the OpenAPI document that `make openapi` wrote.
pub async fn openapi(_: &(), _: Request) -> Reply {
    let document = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../openapi.json"));
    Ok(http::content("application/json", document).header("cache-control", "public, max-age=300"))
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    Operation::new(GET_OPENAPI, "getOpenApi", "Get the OpenAPI document")
        .also(GET_OPENAPI_AT_ROOT, "getOpenApiAtRoot")
        .ok::<Map<String, Value>>("The OpenAPI 3.1 document of all endpoints.", json!({ "openapi": "3.1.0" }))
}
