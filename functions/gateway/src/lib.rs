//! Gateway: what is answered where no other function does, and the API's own reference.

pub mod api;
mod fallback;

pub use fallback::fallback;
