//! What orders hears.

mod remember;
mod start_checkout;

pub use remember::{remember_product, remember_user};
pub use start_checkout::start_checkout;
