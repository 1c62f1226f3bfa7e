//! The endpoints of inventory.

mod answer;
mod get_stock;
mod set_stock;

pub use get_stock::get_stock;
pub use set_stock::set_stock;
