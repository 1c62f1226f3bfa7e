//! The endpoints of orders.

mod answer;
mod checkout;
mod get_order;
mod list_orders;
mod place_order;

pub use checkout::checkout;
pub use get_order::get_order;
pub use list_orders::{list_orders, list_user_orders};
pub use place_order::place_order;
