//! What every Lambda of Waybill shares, so that a context holds only its own use cases.
//!
//! A function is one line in its context's `main.rs`: a way to serve ([`http::serve`], [`queue::serve`],
//! [`batch::serve`],
//! [`outbox::serve`], [`stream::serve`], [`socket::serve`], [`task::serve`], [`command::serve`]) and the use case it serves.

pub mod batch;
pub mod command;
pub mod cursor;
pub mod generated;
pub mod health;
pub mod http;
pub mod https;
pub mod input;
pub mod limit;
pub mod metric;
pub mod openapi;
pub mod outbox;
pub mod policy;
pub mod problem;
pub mod queue;
pub mod socket;
mod start;
pub mod stream;
pub mod task;

pub use start::{Error, call_limit, env, handler, start, unknown_handler};
