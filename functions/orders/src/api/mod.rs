//! The endpoints of orders.

mod answer;
mod checkout;
mod get_order;
mod list_orders;
mod place_order;

use lambda::openapi::Operation;

pub use checkout::checkout;
pub use get_order::get_order;
pub use list_orders::{list_orders, list_user_orders};
pub use place_order::place_order;

/// How the document tells of them.
pub fn operations() -> Vec<Operation> {
    let lists = list_orders::operations();
    [place_order::operation(), checkout::operation(), get_order::operation()].into_iter().chain(lists).collect()
}
