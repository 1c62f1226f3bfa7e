//! The errors of this context, and the problems that callers get for them.

use std::time::Duration;

use dynamo::{KeyReused, StoreError};
use kernel::Invalid;
use lambda::problem::{FieldError, Problem};
use tokens::KeyError;

use crate::domain::HashError;

/// The errors of the use cases.
#[derive(Debug, thiserror::Error)]
pub enum UsersError {
    /// Another account has the e-mail address.
    #[error("the e-mail address is taken")]
    EmailTaken,
    /// Another account has the username.
    #[error("the username is taken")]
    UsernameTaken,
    /// There is no such account, or the password is wrong.
    #[error("the login or the password is wrong")]
    WrongCredentials,
    /// There were too many failed logins. The next attempt is allowed after this duration.
    #[error("there were too many failed logins")]
    TooManyFailures(Duration),
    /// The refresh token was used before, has expired, or was never issued.
    #[error("the refresh token is not valid")]
    InvalidRefreshToken,
    /// The change requires the caller's own password.
    #[error("the caller's password is missing")]
    CurrentPasswordMissing,
    /// The given password is not the caller's.
    #[error("the caller's password is wrong")]
    WrongCurrentPassword,
    /// The new password is the e-mail address or the username of the account.
    #[error("the password equals the e-mail address or the username")]
    PasswordEqualsLogin,
    /// There is no such account.
    #[error("there is no such user")]
    NotFound,
    /// Administrators cannot change their own role.
    #[error("administrators cannot change their own role")]
    OwnRole,
    /// Administrators cannot delete their own account.
    #[error("administrators cannot delete their own account")]
    OwnAccount,
    /// Concurrent requests changed the same account.
    #[error("the account is being changed by other requests")]
    Busy,
    /// The idempotency key was used for another request.
    #[error(transparent)]
    KeyReused(#[from] KeyReused),
    /// The password could not be hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// This function has no signing keys.
    #[error("the signing keys are not configured")]
    SigningKeysMissing,
    /// KMS failed.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The table failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<UsersError> for Problem {
    fn from(error: UsersError) -> Self {
        let password =
            |code, message| Self::validation(vec![FieldError::new("current_password", Invalid::new(code, message))]);
        match error {
            UsersError::EmailTaken => {
                Self::new(409, "email_taken", "An account with this e-mail address already exists.")
            }
            UsersError::UsernameTaken => {
                Self::new(409, "username_taken", "An account with this username already exists.")
            }
            UsersError::WrongCredentials => {
                Self::new(401, "wrong_credentials", "The login or the password is incorrect.")
            }
            UsersError::TooManyFailures(wait) => {
                let detail = "Too many failed attempts. Wait before you try again.";
                Self::too_many("too_many_failures", wait, detail)
            }
            UsersError::InvalidRefreshToken => Self::new(
                401,
                "invalid_refresh_token",
                "The refresh token was already used, has expired, or is not valid.",
            ),
            UsersError::CurrentPasswordMissing => {
                password("required", "is required to change the e-mail address or the password")
            }
            UsersError::WrongCurrentPassword => password("wrong_password", "is not the caller's password"),
            UsersError::NotFound => Self::not_found("user"),
            UsersError::OwnRole => {
                Self::new(409, "own_role", "You cannot change your own role. Another administrator can.")
            }
            UsersError::OwnAccount => {
                Self::new(409, "own_account", "You cannot delete your own account. Another administrator can.")
            }
            UsersError::PasswordEqualsLogin => {
                Self::validation(vec![FieldError::new("password", password_equals_login())])
            }
            UsersError::Busy => Self::new(409, "busy", "The account is being changed by another request. Try again."),
            UsersError::KeyReused(reused) => reused.into(),
            UsersError::Hash(_) | UsersError::SigningKeysMissing | UsersError::Key(_) => {
                tracing::error!(%error, "a password could not be hashed, or the signing keys failed");
                Self::internal()
            }
            UsersError::Store(error) => error.into(),
        }
    }
}

/// Returns the error of a password that is the e-mail address or the username of its account.
pub(crate) fn password_equals_login() -> Invalid {
    Invalid::new("known_to_others", "must not be the e-mail address or the username")
}
