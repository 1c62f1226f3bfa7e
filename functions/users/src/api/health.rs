use lambda::{
    health,
    openapi::Operation,
    policy::{Access, Route},
};

pub(crate) const ROUTE: Route = Route::new("GET /api/v1/health/users", Access::Anyone);

/// `GET /api/v1/health/users`: returns the health of this context.
pub use lambda::health::health;

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    health::operation(ROUTE, "getUsersHealth", health::example("users", &[]))
}
