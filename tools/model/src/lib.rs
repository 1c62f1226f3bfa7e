//! A model of the checkout, which is explored exhaustively.
//!
//! One or two orders compete for the last piece of a product. In every state, everything that can happen next is
//! explored: a function takes a step, or dies before or after it; a message is delivered, once more, or late; the
//! provider does not respond, whether the call reached it or not; the customer cancels; a schedule runs. [`properties`]
//! are checked in every state that can be reached.
//!
//! The decisions are made by the product's own code: `orders::domain`, `payments::domain::steps`, `inventory::domain`,
//! the ledger of the simulator, the names of the errors, and the workflow in `functions/orders/checkout.asl.yaml`. The
//! model adds what connects them: what is written under which condition, and which consumer receives which event.
//!
//! The model has no time: what happens after some minutes may happen at any moment, which includes more than can happen
//! in reality. It leaves out orders that are processed or shipped, refunds that are requested or that the provider
//! rejects, the provider's webhooks, and the circuit breaker.

pub mod explore;
pub mod hashed;
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
