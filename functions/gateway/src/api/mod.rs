//! The endpoints of the gateway.

mod docs;
mod openapi;

use lambda::{openapi::Operation, policy::Route};

pub use crate::health::health;
pub use docs::{docs, docs_asset};
pub use openapi::openapi;

/// The routes of the context, with who may call them and how often.
pub const ROUTES: &[Route] = &[
    crate::fallback::ROUTE,
    crate::health::GET_HEALTH_AT_ROOT,
    crate::health::GET_HEALTH,
    crate::health::GET_GATEWAY_HEALTH,
    openapi::GET_OPENAPI_AT_ROOT,
    openapi::GET_OPENAPI,
    docs::GET_DOCS_AT_ROOT,
    docs::GET_DOCS,
    docs::GET_DOCS_ASSET,
];

/// Describes the endpoints in the OpenAPI document.
pub fn operations() -> Vec<Operation> {
    let mut operations = vec![openapi::operation()];
    operations.extend(docs::operations());
    operations.extend(crate::health::operations());
    operations
}

#[cfg(test)]
mod tests {
    use lambda::openapi::{Tag, up_to_date};

    use super::*;

    #[test]
    fn openapi_is_up_to_date() {
        let tag = Tag {
            name: "gateway",
            description: "The health of the shop, and the API reference.",
            routes: ROUTES,
            operations: operations(),
        };
        assert_eq!(up_to_date(env!("CARGO_MANIFEST_DIR"), &tag), Ok(()));
    }
}
