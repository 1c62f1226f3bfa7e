//! What orders hears.

mod end_expired;
mod remember;
mod remember_payment;
mod start_checkout;

pub use end_expired::end_expired;
pub use remember::{remember_product, remember_user};
pub use remember_payment::remember_payment;
pub use start_checkout::start_checkout;
