//! The endpoints of the catalog.

mod answer;
mod create_product;
mod get_product;
mod list_products;

use lambda::openapi::Operation;

pub use create_product::create_product;
pub use get_product::get_product;
pub use list_products::list_products;

/// How the document tells of them.
pub fn operations() -> Vec<Operation> {
    vec![create_product::operation(), get_product::operation(), list_products::operation()]
}
