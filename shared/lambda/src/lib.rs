//! What all Lambda functions of Waybill share, so that a context has only its use cases.
//!
//! A function is one line in the `main.rs` of its context, with a `serve` function ([`http::serve`], [`queue::serve`],
//! [`batch::serve`], [`outbox::serve`], [`stream::serve`], [`socket::serve`], [`task::serve`], [`command::serve`]) and
//! a use case.

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

pub use https::call_limit;
pub use start::{env, handler, start, unknown_handler};

/// The error of an environment that could not start, or of an invocation.
pub type Error = lambda_runtime::Error;
