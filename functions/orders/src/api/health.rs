use lambda::{health, openapi::Operation};

/// `GET /api/v1/health/orders`: returns the health of this context.
pub use lambda::health::health;

/// Describes the operation for the OpenAPI document.
pub(super) fn operation() -> Operation {
    health::operation("GET /api/v1/health/orders", "getOrdersHealth", health::example("orders", &["StartCheckout"]))
}
