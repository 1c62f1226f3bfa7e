//! What an order is and what it may become. Pure: no clock, no table, no network.

mod order;
mod pricing;

pub use order::{Command, Order, Refusal, Status};
pub use pricing::{Product, Quote, WantedLine, price};
