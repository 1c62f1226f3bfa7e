//! What a payment is and what it may become. Pure: no clock, no table, no network.

#[cfg(test)]
mod money;
mod payment;
mod steps;

pub use payment::{Due, Payment, Refund, RefundStatus, Status, payment_id};
pub use steps::{Fact, Refusal, Step, authorize, capture, give_up, hear, refund, request, settle, undo};
