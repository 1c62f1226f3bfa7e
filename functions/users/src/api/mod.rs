//! The endpoints of users.

mod answer;
mod jwks;
mod login;
mod register;

pub use jwks::jwks;
pub use login::login;
pub use register::register;
