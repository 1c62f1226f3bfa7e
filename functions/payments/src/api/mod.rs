//! The endpoints of payments.

mod answer;
mod get_payment;
mod health;
mod list_payments;
mod pay;
mod payment_stats;
mod refund;
mod webhook;

use lambda::openapi::Operation;

pub(crate) use answer::existing;
pub use get_payment::get_payment;
pub use health::health;
pub use list_payments::list_payments;
pub use pay::pay;
pub use payment_stats::payment_stats;
pub use refund::refund;
pub use webhook::webhook;

/// How the document tells of them.
pub fn operations() -> Vec<Operation> {
    vec![
        list_payments::operation(),
        pay::operation(),
        get_payment::operation(),
        refund::operation(),
        payment_stats::operation(),
        webhook::operation(),
        health::operation(),
    ]
}
