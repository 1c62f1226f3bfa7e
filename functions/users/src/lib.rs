//! Users: accounts with a unique e-mail address and a unique name, and the access tokens they log in for.

pub mod api;
pub mod domain;
mod error;
pub mod seed;
mod store;

use aws_config::SdkConfig;
use contracts::{Cause, Role};
use dynamo::Table;
use kernel::{SessionId, Timestamp, UserId};
use lambda::env;
use tokens::{Claims, Jwk, SigningKey};

use crate::{
    domain::{Account, Login, Password, Registration},
    store::Store,
};
pub use error::UsersError;

/// The use cases of users.
pub struct Users {
    store: Store,
    key: Option<SigningKey>,
}

impl Users {
    /// Over the environment's one configuration.
    ///
    /// # Errors
    /// When the template did not set a variable.
    pub fn connect(config: &SdkConfig) -> Result<Self, lambda::Error> {
        Ok(Self { store: Store::new(Table::connect(config, env("TABLE_NAME")?)), key: None })
    }

    /// With the signing key, for the functions that may use it.
    ///
    /// # Errors
    /// When the template did not set a variable.
    pub fn with_key(self, config: &SdkConfig) -> Result<Self, lambda::Error> {
        Ok(Self { key: Some(SigningKey::connect(config, env("SIGNING_KEY_ID")?)), ..self })
    }

    /// Makes an account.
    ///
    /// # Errors
    /// When its address or name is taken.
    pub async fn register(
        &self,
        id: UserId,
        registration: Registration,
        role: Role,
        now: Timestamp,
        cause: &Cause,
    ) -> Result<Account, UsersError> {
        let password_hash = registration.password.hash()?;
        let account = Account {
            id,
            email: registration.email,
            username: registration.username,
            full_name: registration.full_name,
            role,
            password_hash,
            created_at: now,
            version: 1,
        };
        self.store.create(&account, now, cause).await?;
        Ok(account)
    }

    /// The account that `login` names, if the password is right; else one answer, after the same work, whatever was wrong.
    ///
    /// # Errors
    /// When it is not.
    pub async fn authenticate(&self, login: &Login, password: &Password) -> Result<Account, UsersError> {
        let account = self.store.find(login).await?;
        match account {
            Some(account) if account.password_hash.matches(password) => Ok(account),
            Some(_) => Err(UsersError::WrongCredentials),
            None => {
                domain::PasswordHash::of_nobody().matches(password);
                Err(UsersError::WrongCredentials)
            }
        }
    }

    /// An access token for `account`, from a new session.
    ///
    /// # Errors
    /// When the key does not sign.
    pub async fn issue_token(&self, account: &Account, now: Timestamp) -> Result<String, UsersError> {
        let claims = Claims::issued(account.id, SessionId::new(), account.role, now);
        Ok(self.key()?.sign(&claims).await?)
    }

    /// The public keys that verify access tokens.
    ///
    /// # Errors
    /// When KMS does not give them.
    pub async fn public_keys(&self) -> Result<Vec<&Jwk>, UsersError> {
        Ok(vec![self.key()?.public().await?])
    }

    fn key(&self) -> Result<&SigningKey, UsersError> {
        self.key.as_ref().ok_or(UsersError::NoKey)
    }
}
