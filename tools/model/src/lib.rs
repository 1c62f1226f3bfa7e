//! The checkout, explored to its end.
//!
//! One or two orders for the last piece of a product; and at every moment all that could happen next: somebody takes a step, or dies
//! before or after it; a message arrives, again, or late; the provider does not answer, whether it was reached or not; the customer
//! cancels; a schedule comes by. Every moment that can be reached is looked at ([`properties`]).
//!
//! What is decided at each step the product's own functions decide: `orders::domain`, `payments::domain::steps`, `inventory::domain`,
//! the simulator's books, the names of their errors, and the workflow that lies in `functions/orders/checkout.asl.yaml`. The model
//! adds what lies between them: what is written under which condition, and who hears of what.
//!
//! It knows no time: what is done after some minutes may be done at any moment, which is more than can happen. What is left out: orders
//! that are packed or sent, refunds that somebody asks for or that the provider refuses, its news, and the circuit breaker.

pub mod explore;
pub mod kept;
pub mod log;
pub mod model;
pub mod money;
pub mod mutation;
pub mod properties;
pub mod scopes;
pub mod state;
pub mod stock;
pub mod work;
pub mod workflow;

#[cfg(test)]
mod tests;
