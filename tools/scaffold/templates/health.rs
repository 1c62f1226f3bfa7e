use lambda::{
    health,
    openapi::Operation,
    policy::{Access, Route},
};

pub(crate) const ROUTE: Route = Route::new("GET /api/v1/health/@{context}", Access::Anyone);

/// `GET /api/v1/health/@{context}`: returns the health of this context.
pub use lambda::health::health;

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    health::operation(ROUTE, "get@{Context}Health", health::example("@{context}", &[]))
}
