use lambda::{health, openapi::Operation};

/// `GET /api/v1/health/users`: returns the health of this context.
pub use lambda::health::health;

/// The OpenAPI description.
pub(super) fn operation() -> Operation {
    health::operation("GET /api/v1/health/users", "getUsersHealth", health::example("users", &[]))
}
