//! The endpoints of the gateway.

mod docs;
mod openapi;

use lambda::openapi::Operation;

pub use crate::health::health;
pub use docs::{docs, docs_asset};
pub use openapi::openapi;

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
            operations: operations(),
        };
        assert_eq!(up_to_date(env!("CARGO_MANIFEST_DIR"), &tag), Ok(()));
    }
}
