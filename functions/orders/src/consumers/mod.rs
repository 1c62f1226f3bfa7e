//! The consumers of the orders context.

mod end_expired;
mod replicate;
mod replicate_payment;
mod start_checkout;

pub use end_expired::end_expired;
pub use replicate::{replicate_product, replicate_user};
pub use replicate_payment::replicate_payment;
pub use start_checkout::start_checkout;
