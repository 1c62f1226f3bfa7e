//! The endpoints of payments.

mod answer;
mod get_payment;
mod list_payments;

pub use get_payment::get_payment;
pub use list_payments::list_payments;
