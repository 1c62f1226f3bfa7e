use lambda::{
    health,
    http::{ApiRequest, Reply, Request},
    openapi::Operation,
    policy::{Access, Route},
};
use serde_json::json;

use crate::Health;

pub(crate) const ROUTE: Route = Route::new("GET /api/v1/health/payments", Access::Anyone);

/// `GET /api/v1/health/payments`: returns the health of this context and the circuit of its provider.
pub async fn health(health: &Health, request: Request) -> Reply {
    health.respond(request.now()).await
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    let mut example = health::example("payments", &["UndoCancelled"]);
    example["provider"] = json!({ "status": "up", "circuit": "closed", "since": "2026-11-20T21:04:10.000Z" });
    health::operation(ROUTE, "getPaymentsHealth", example)
}
