//! Accounts, passwords, sessions and the lockout. Pure: no clock, no table, no network.

mod account;
mod lockout;
mod password;
mod session;

pub use account::{Account, Changes, FullName, Login, Registration, Username};
pub use lockout::Failures;
pub use password::{HashError, Password, PasswordHash};
pub use session::{NotARefreshToken, REFRESH_SECONDS, RefreshToken, Session};
