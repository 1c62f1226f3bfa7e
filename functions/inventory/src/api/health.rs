use lambda::{health, openapi::Operation};

/// `GET /api/v1/health/inventory`: returns the health of this context.
pub use lambda::health::health;

/// The OpenAPI description of the endpoint.
pub(super) fn operation() -> Operation {
    health::operation(
        "GET /api/v1/health/inventory",
        "getInventoryHealth",
        health::example("inventory", &["StockProduct", "SettleOrder"]),
    )
}
