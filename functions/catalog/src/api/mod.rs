//! The endpoints of the catalog.

mod answer;
mod create_product;
mod get_product;
mod list_products;

pub use create_product::create_product;
pub use get_product::get_product;
pub use list_products::list_products;
