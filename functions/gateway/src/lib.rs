//! Gateway: the health of the shop, the API reference, and the response to requests that no route matches.

pub mod api;
mod fallback;
mod health;
mod routes;

pub use fallback::fallback;
pub use health::Health;
