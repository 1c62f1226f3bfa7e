use lambda::{health, openapi::Operation};

/// `GET /api/v1/health/analytics`: returns the health of this context.
pub use lambda::health::health;

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    health::operation(
        "GET /api/v1/health/analytics",
        "getAnalyticsHealth",
        health::example("analytics", &["CountOrders"]),
    )
}
