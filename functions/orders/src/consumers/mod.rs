//! What orders hears.

mod remember;
mod remember_payment;
mod start_checkout;

pub use remember::{remember_product, remember_user};
pub use remember_payment::remember_payment;
pub use start_checkout::start_checkout;
