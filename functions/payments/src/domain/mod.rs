//! The states of a payment and the steps between them. Pure: no clock, no table, no network.

mod calls;
mod payment;
#[cfg(test)]
mod properties;
mod steps;

pub use calls::{Answer, Call};
pub use payment::{Due, Payment, Refund, RefundStatus, Status, payment_id};
pub use steps::{
    ProviderEvent, Refusal, Step, apply_provider_event, authorize, capture, give_up, refund, request, settle, undo,
};
