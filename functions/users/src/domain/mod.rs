//! What an account is. Pure: no clock, no table, no network.

mod account;
mod password;

pub use account::{Account, FullName, Login, Registration, Username};
pub use password::{Password, PasswordHash};
