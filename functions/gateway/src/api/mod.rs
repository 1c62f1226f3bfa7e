//! The endpoints of the gateway.

mod docs;
mod openapi;

use lambda::openapi::Operation;

pub use crate::health::health;
pub use docs::{docs, docs_asset};
pub use openapi::openapi;

/// How the document tells of them.
pub fn operations() -> Vec<Operation> {
    let mut operations = vec![openapi::operation()];
    operations.extend(docs::operations());
    operations.extend(crate::health::operations());
    operations
}
