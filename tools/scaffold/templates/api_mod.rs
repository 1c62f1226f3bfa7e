//! The endpoints of @{context}.

mod health;
mod list_@{context};
mod response;

use lambda::{openapi::Operation, policy::Route};

pub use health::health;
pub use list_@{context}::list_@{context};

/// The routes of the context, with who may call them and how often.
pub const ROUTES: &[Route] = &[list_@{context}::ROUTE, health::ROUTE];

/// Returns the operations of @{context} for the OpenAPI document.
pub fn operations() -> Vec<Operation> {
    vec![list_@{context}::operation(), health::operation()]
}

#[cfg(test)]
mod tests {
    use lambda::openapi::{Tag, up_to_date};

    use super::*;

    #[test]
    fn openapi_is_up_to_date() {
        let tag = Tag { name: "@{context}", description: "@{Context}.", routes: ROUTES, operations: operations() };
        assert_eq!(up_to_date(env!("CARGO_MANIFEST_DIR"), &tag), Ok(()));
    }
}
