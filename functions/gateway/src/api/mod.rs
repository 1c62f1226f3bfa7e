//! The endpoints of the gateway.

mod docs;
mod openapi;

use lambda::openapi::Operation;

pub use docs::{docs, docs_asset};
pub use openapi::openapi;

/// How the document tells of them.
pub fn operations() -> Vec<Operation> {
    let [page, asset] = docs::operations();
    vec![openapi::operation(), page, asset]
}
