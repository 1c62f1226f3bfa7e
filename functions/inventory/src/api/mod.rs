//! The endpoints of inventory.

mod answer;
mod get_stock;
mod health;
mod set_stock;

use lambda::openapi::Operation;

pub use get_stock::get_stock;
pub use health::health;
pub use set_stock::set_stock;

/// How the document tells of them.
pub fn operations() -> Vec<Operation> {
    vec![get_stock::operation(), set_stock::operation(), health::operation()]
}
