//! Orders and their rules. Everything here is pure: no clock, no table, no network.

mod actor;
mod order;
mod payment;
mod pricing;
#[cfg(test)]
mod tests;

pub use actor::Actor;
pub use order::{Command, Order, Refusal, Status};
pub use payment::Payment;
pub use pricing::{Difference, PricingError, Product, Quote, RequestedLine, StatedAmount, price};
