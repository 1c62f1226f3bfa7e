//! Gateway: how the shop is, the API's own reference, and what is answered where no other function does.

pub mod api;
mod fallback;
mod health;

pub use fallback::fallback;
pub use health::Health;
