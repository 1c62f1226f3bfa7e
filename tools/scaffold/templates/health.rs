use lambda::{health, openapi::Operation};

/// `GET /api/v1/health/@{context}`: how this context is.
pub use lambda::health::health;

/// How the document tells of it.
pub(super) fn operation() -> Operation {
    health::operation("GET /api/v1/health/@{context}", "get@{Context}Health", health::example("@{context}", &[]))
}
