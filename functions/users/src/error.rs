//! What can go wrong with an account, and how a caller is told.

use std::time::Duration;

use dynamo::{KeyReused, StoreError};
use kernel::Invalid;
use lambda::problem::{FieldError, Problem};
use tokens::KeyError;

/// Why a use case of users did not happen.
#[derive(Debug, thiserror::Error)]
pub enum UsersError {
    /// Another account has the address.
    #[error("the e-mail address is taken")]
    EmailTaken,
    /// Another account has the name.
    #[error("the username is taken")]
    UsernameTaken,
    /// No such account, or another password.
    #[error("the login or the password is wrong")]
    WrongCredentials,
    /// Wrong too often: not before this is over.
    #[error("the login failed too often")]
    TooManyFailures(Duration),
    /// The refresh token was used, has expired, or never was one.
    #[error("the refresh token is not valid")]
    InvalidRefreshToken,
    /// The change needs the caller's password.
    #[error("the caller's password is missing")]
    PasswordMissing,
    /// The caller's password is another one.
    #[error("the caller's password is wrong")]
    WrongPassword,
    /// The new password is the account's own address or name.
    #[error("the password is the address or the name")]
    PasswordKnown,
    /// No such account.
    #[error("there is no such user")]
    NotFound,
    /// An administrator's own role.
    #[error("nobody changes their own role")]
    OwnRole,
    /// An administrator's own account.
    #[error("an administrator does not delete their own account")]
    OwnAccount,
    /// Others changed the same account at the same moment.
    #[error("the account is being changed by others")]
    Busy,
    /// The idempotency key answered another request.
    #[error(transparent)]
    KeyReused(#[from] KeyReused),
    /// The password could not be hashed.
    #[error("the password could not be hashed: {0}")]
    Hash(String),
    /// This function was not given the signing keys.
    #[error("the signing keys are not configured")]
    NoKey,
    /// KMS failed.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<UsersError> for Problem {
    fn from(error: UsersError) -> Self {
        let password =
            |code, message| Self::validation(vec![FieldError::new("current_password", Invalid::new(code, message))]);
        match error {
            UsersError::EmailTaken => Self::new(409, "email_taken", "There is an account with this e-mail address."),
            UsersError::UsernameTaken => Self::new(409, "username_taken", "There is an account with this username."),
            UsersError::WrongCredentials => Self::new(401, "wrong_credentials", "The login or the password is wrong."),
            UsersError::TooManyFailures(wait) => {
                let detail = "The password was wrong too often; wait before the next try.";
                Self::too_many("too_many_failures", wait, detail)
            }
            UsersError::InvalidRefreshToken => {
                Self::new(401, "invalid_refresh_token", "The refresh token was used, has expired, or never was one.")
            }
            UsersError::PasswordMissing => {
                password("required", "is required to change the e-mail address or the password")
            }
            UsersError::WrongPassword => password("wrong_password", "is not the caller's password"),
            UsersError::NotFound => Self::not_found("user"),
            UsersError::OwnRole => {
                Self::new(409, "own_role", "Nobody changes their own role; another administrator does.")
            }
            UsersError::OwnAccount => {
                Self::new(409, "own_account", "An administrator's account is deleted by another administrator.")
            }
            UsersError::PasswordKnown => {
                Self::validation(vec![FieldError::new("password", crate::api::known_to_others())])
            }
            UsersError::Busy => Self::new(409, "busy", "The account is being changed by another request; try again."),
            UsersError::KeyReused(reused) => reused.into(),
            UsersError::Hash(_) | UsersError::NoKey | UsersError::Key(_) => {
                tracing::error!(%error, "credentials could not be handled");
                Self::internal()
            }
            UsersError::Store(error) => error.into(),
        }
    }
}
