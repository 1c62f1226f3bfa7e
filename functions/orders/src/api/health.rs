use lambda::{health, openapi::Operation};

/// `GET /api/v1/health/orders`: how this context is.
pub use lambda::health::health;

/// How the document tells of it.
pub(super) fn operation() -> Operation {
    health::operation("GET /api/v1/health/orders", "getOrdersHealth", health::example("orders", &["StartCheckout"]))
}
