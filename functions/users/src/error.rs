//! What can go wrong with an account, and how a caller is told.

use dynamo::StoreError;
use lambda::problem::Problem;
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
    /// The password could not be hashed.
    #[error("the password could not be hashed: {0}")]
    Hash(String),
    /// This function was not given the signing key.
    #[error("the signing key is not configured")]
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
        match error {
            UsersError::EmailTaken => Self::new(409, "email_taken", "There is an account with this e-mail address."),
            UsersError::UsernameTaken => Self::new(409, "username_taken", "There is an account with this username."),
            UsersError::WrongCredentials => Self::new(401, "wrong_credentials", "The login or the password is wrong."),
            UsersError::Hash(_) | UsersError::NoKey | UsersError::Key(_) => {
                tracing::error!(%error, "credentials could not be handled");
                Self::internal()
            }
            UsersError::Store(error) => error.into(),
        }
    }
}
