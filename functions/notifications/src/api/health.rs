use lambda::{health, openapi::Operation};

/// `GET /api/v1/health/notifications`: reports the health of this context.
pub use lambda::health::health;

/// Describes the endpoint for OpenAPI.
pub(super) fn operation() -> Operation {
    health::operation(
        "GET /api/v1/health/notifications",
        "getNotificationsHealth",
        health::example("notifications", &["ReplicateContact"]),
    )
}
