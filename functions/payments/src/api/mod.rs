//! The endpoints of payments.

mod answer;
mod get_payment;
mod list_payments;

use lambda::openapi::Operation;

pub use get_payment::get_payment;
pub use list_payments::list_payments;

/// How the document tells of them.
pub fn operations() -> Vec<Operation> {
    vec![get_payment::operation(), list_payments::operation()]
}
