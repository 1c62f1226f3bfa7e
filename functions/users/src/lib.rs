//! The users context: accounts with a unique e-mail address and a unique username, their sessions, and the
//! authentication of callers.
//!
//! A login opens a session. Its access token is valid for minutes, its refresh token for days and for one use. The
//! authorizer reads the session and the account, so that a logout, a deletion or a new role takes effect.

pub mod api;
pub mod authorizer;
pub mod domain;
mod error;
pub mod operator;
pub mod seed;
pub mod socket_authorizer;
mod store;

use aws_config::SdkConfig;
use contracts::{Cause, Role};
use dynamo::{IdempotencyKey, Item, KeyReused, StoredResponse, Table};
use kernel::{Redacted, Timestamp, UserId};
use lambda::{
    env,
    http::{ApiRequest, Caller, Request},
};
use tokens::{Claims, Jwk, SigningKeys};

use crate::{
    domain::{Account, Changes, Login, Password, PasswordHash, RefreshToken, Registration, Session},
    store::{Counts, Created, LoginAttempt, RegistrationConflict, Store},
};
pub use error::UsersError;

/// The use cases of the users context.
pub struct Users {
    store: Store,
    keys: Option<SigningKeys>,
    /// The number of failed logins after which further attempts have to wait.
    failures_allowed: u32,
}

/// The tokens that a login or a refresh returns.
#[derive(Debug)]
pub struct Tokens {
    /// The access token, which is valid for minutes.
    pub access: Redacted<String>,
    /// The refresh token, which is valid for one use.
    pub refresh: RefreshToken,
}

/// A caller with a valid access token.
#[derive(Debug, Clone, Copy)]
pub struct AuthenticatedCaller {
    /// The caller, with the current role of the account.
    pub caller: Caller,
    /// When the token expires, in seconds since 1970.
    pub expires_at: i64,
}

/// How many times a change is attempted if it conflicts with other changes of the account.
const MAX_ATTEMPTS: usize = 4;

/// The number of failed logins after which further attempts have to wait, unless the template sets another one.
const DEFAULT_FAILURES_ALLOWED: u32 = 5;

impl Users {
    /// Creates the use cases from the environment's AWS configuration.
    ///
    /// # Errors
    /// If an environment variable is not set or not valid.
    pub fn connect(config: &SdkConfig) -> Result<Self, lambda::Error> {
        Ok(Self {
            store: Store::new(Table::connect(config, env("TABLE_NAME")?)),
            keys: None,
            failures_allowed: env("LOGIN_FAILURES").map_or(Ok(DEFAULT_FAILURES_ALLOWED), |text| text.parse())?,
        })
    }

    /// Adds the signing keys, for the functions that may use them.
    ///
    /// # Errors
    /// If an environment variable is not set.
    pub fn with_keys(self, config: &SdkConfig) -> Result<Self, lambda::Error> {
        Ok(Self { keys: Some(SigningKeys::connect(config, &env("SIGNING_KEY_IDS")?)), ..self })
    }

    /// Creates an account.
    ///
    /// # Errors
    /// If the e-mail address or the username is taken.
    pub async fn register(
        &self,
        id: UserId,
        registration: Registration,
        role: Role,
        now: Timestamp,
        cause: &Cause,
    ) -> Result<Account, UsersError> {
        let account = new_account(id, &registration, role, now)?;
        match self.store.create(&account, now, cause, None).await? {
            Created::Done => Ok(account),
            Created::Replayed(_) => Err(UsersError::Busy),
        }
    }

    /// Creates an account for a request that may carry an idempotency key.
    ///
    /// Only the id is stored with the key. A repeated request gets the account as it is now, if it still exists.
    ///
    /// # Errors
    /// If the e-mail address or the username is taken, or the key was used for another request.
    pub async fn register_once(
        &self,
        registration: Registration,
        role: Role,
        key: Option<IdempotencyKey>,
        request: &Request,
    ) -> Result<Account, UsersError> {
        match self.store.find_registration_conflict(&registration, key.as_ref()).await? {
            None => {}
            Some(RegistrationConflict::Taken(error)) => return Err(error),
            Some(RegistrationConflict::StoredResponse(found)) => {
                if let Some(account) = self.replay(key.as_ref(), &found, &registration, request.now()).await? {
                    return Ok(account);
                }
            }
        }
        let account = new_account(UserId::new(), &registration, role, request.now())?;
        let response = StoredResponse { status: 201, location: None, body: account.id.to_string() };
        let stored = key.as_ref().map(|key| (key, &response));
        match self.store.create(&account, request.now(), &request.cause(), stored).await? {
            Created::Done => Ok(account),
            Created::Replayed(found) => {
                self.replay(key.as_ref(), &found, &registration, request.now()).await?.ok_or(UsersError::Busy)
            }
        }
    }

    /// Returns the account whose id is stored with an idempotency key, or `None` if the stored response has expired.
    /// The password has to be the same too. It is not part of the key's fingerprint, so it is compared with the
    /// account's hash.
    async fn replay(
        &self,
        key: Option<&IdempotencyKey>,
        found: &Item,
        registration: &Registration,
        now: Timestamp,
    ) -> Result<Option<Account>, UsersError> {
        let key = key.ok_or(UsersError::Busy)?;
        let Some(response) = key.replay(found, now)?? else {
            return Ok(None);
        };
        let id = response.body.parse().map_err(|_| UsersError::Busy)?;
        let account = self.find(id).await?;
        if account.password_hash.matches(&registration.password) { Ok(Some(account)) } else { Err(KeyReused.into()) }
    }

    /// Opens a session for `login`, if the password is correct. An unknown login and a wrong password are the same
    /// error, after the same work.
    ///
    /// # Errors
    /// If the login or the password is wrong, or was wrong too often.
    pub async fn log_in(
        &self,
        login: &Login,
        password: &Password,
        request: &Request,
    ) -> Result<(Account, Tokens), UsersError> {
        let now = request.now();
        let attempt = self.store.find_for_login(login, &request.address()).await?;
        let account = self.check(&attempt, password, now).await?.ok_or(UsersError::WrongCredentials)?;
        let (session, refresh) = Session::open(account, now);
        let access = self.access_token(account, &session, now).await?;
        self.store.create_session(&session).await?;
        Ok((account.clone(), Tokens { access, refresh }))
    }

    /// Returns the account of an attempt if the password is correct. Otherwise it does the same work, and records a
    /// failure. A success deletes earlier failures.
    async fn check<'a>(
        &self,
        attempt: &'a LoginAttempt,
        password: &Password,
        now: Timestamp,
    ) -> Result<Option<&'a Account>, UsersError> {
        let failures = attempt.failures.as_ref();
        if let Some(wait) = failures.and_then(|failures| failures.remaining_pause(self.failures_allowed, now)) {
            return Err(UsersError::TooManyFailures(wait));
        }
        let account = attempt.account.as_ref();
        let hash = match account {
            Some(account) => &account.password_hash,
            None => PasswordHash::dummy(), // takes as long to compare
        };
        let matches = hash.matches(password);
        let Some(account) = account.filter(|_| matches) else {
            self.store.record_failure(attempt, now).await?;
            return Ok(None);
        };
        if failures.is_some() {
            self.store.delete_failures(attempt).await?;
        }
        Ok(Some(account))
    }

    /// Extends a session: returns a new access token, and a new refresh token that replaces the used one.
    ///
    /// A second use of a token means that two parties have it, so it was stolen. It ends the session for both.
    ///
    /// # Errors
    /// If the token is not valid, or not valid any more.
    pub async fn refresh(&self, token: &RefreshToken, now: Timestamp) -> Result<Tokens, UsersError> {
        let (session, account) = self.store.session_and_account(token.user_id, token.session_id).await?;
        let (Some(session), Some(account)) = (session, account) else {
            return Err(UsersError::InvalidRefreshToken);
        };
        if !session.is_active(&account, now) || !session.issued(token) {
            return Err(UsersError::InvalidRefreshToken);
        }
        let (refreshed, refresh) = session.refreshed(token, now);
        // The access token is signed before the refresh token is used, so that after a fault the client can try again.
        let access = self.access_token(&account, &refreshed, now).await?;
        let is_current = token.hash() == session.refresh_hash;
        if !is_current || !self.store.replace_refresh_token(&session, &refreshed).await? {
            let (session_id, user_id) = (session.id, account.id);
            tracing::warn!(%session_id, %user_id, "a refresh token was used twice, so its session ends");
            self.store.delete_session(account.id, session.id).await?;
            return Err(UsersError::InvalidRefreshToken);
        }
        Ok(Tokens { access, refresh })
    }

    /// Ends the caller's session.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn log_out(&self, caller: Caller) -> Result<(), UsersError> {
        Ok(self.store.delete_session(caller.user_id, caller.session_id).await?)
    }

    /// Returns the caller with `token`, if the token is valid and its session has not ended. The role is the account's
    /// current one.
    ///
    /// # Errors
    /// If KMS or the table does not respond.
    pub async fn authenticate(&self, token: &str, now: Timestamp) -> Result<Option<AuthenticatedCaller>, UsersError> {
        let Ok(claims) = self.keys()?.verify(token).await? else {
            return Ok(None);
        };
        let (session, account) = self.store.session_and_account(claims.sub, claims.sid).await?;
        let (Some(session), Some(account)) = (session, account) else {
            return Ok(None);
        };
        let caller = Caller { user_id: account.id, role: account.role, session_id: session.id };
        Ok(session.is_active(&account, now).then_some(AuthenticatedCaller { caller, expires_at: claims.exp }))
    }

    /// Returns the account with this id.
    ///
    /// # Errors
    /// If there is no such account.
    pub async fn find(&self, id: UserId) -> Result<Account, UsersError> {
        self.store.account(id).await?.ok_or(UsersError::NotFound)
    }

    /// Changes an account. A new e-mail address or password requires the caller's own password.
    ///
    /// # Errors
    /// If that password is wrong, or the new e-mail address or username is taken.
    pub async fn update(
        &self,
        id: UserId,
        caller: Caller,
        changes: Changes,
        current_password: Option<&Password>,
        request: &Request,
    ) -> Result<Account, UsersError> {
        let account = self.find(id).await?;
        if changes.password.as_ref().is_some_and(|password| account.password_equals_login(&changes, password)) {
            return Err(UsersError::PasswordEqualsLogin);
        }
        let changes_email = changes.email.as_ref().is_some_and(|email| *email != account.email);
        if changes_email || changes.password.is_some() {
            self.confirm_password(caller, current_password, request).await?;
        }
        let (changed, fields) = account.with_changes(changes, request.now())?;
        if fields.is_empty() {
            return Ok(account);
        }
        let session = (caller.user_id == id).then_some(caller.session_id);
        self.store.update(&account, &changed, fields, session, request.now(), &request.cause()).await?;
        Ok(changed)
    }

    /// Checks the caller's own password again. A wrong one counts as a failed login.
    async fn confirm_password(
        &self,
        caller: Caller,
        password: Option<&Password>,
        request: &Request,
    ) -> Result<(), UsersError> {
        let password = password.ok_or(UsersError::CurrentPasswordMissing)?;
        let attempt = self.store.find_for_password(caller.user_id, &request.address()).await?;
        self.check(&attempt, password, request.now()).await?.map(drop).ok_or(UsersError::WrongCurrentPassword)
    }

    /// Changes the role of an account.
    ///
    /// # Errors
    /// If there is no such account.
    pub async fn change_role(
        &self,
        id: UserId,
        role: Role,
        now: Timestamp,
        cause: &Cause,
    ) -> Result<Account, UsersError> {
        for _ in 0..MAX_ATTEMPTS {
            let account = self.find(id).await?;
            let Some(changed) = account.with_role(role, now) else {
                return Ok(account);
            };
            let fields = vec![contracts::UserField::Role];
            match self.store.update(&account, &changed, fields, None, now, cause).await {
                Err(UsersError::Busy) => {}
                result => return result.map(|()| changed),
            }
        }
        Err(UsersError::Busy)
    }

    /// Returns the account with this e-mail address or username.
    ///
    /// # Errors
    /// If there is no such account.
    pub async fn find_by_login(&self, login: &Login) -> Result<Account, UsersError> {
        self.store.find(login).await?.ok_or(UsersError::NotFound)
    }

    /// Erases an account. Its orders remain, without personal data.
    ///
    /// # Errors
    /// If there is no such account, or it is an administrator's own, so that no shop loses its last administrator by
    /// mistake.
    pub async fn delete(&self, id: UserId, caller: Caller, now: Timestamp, cause: &Cause) -> Result<(), UsersError> {
        if caller.user_id == id && caller.is_admin() {
            return Err(UsersError::OwnAccount);
        }
        for _ in 0..MAX_ATTEMPTS {
            let account = self.find(id).await?;
            match self.store.delete(&account, now, cause).await {
                Err(UsersError::Busy) => {}
                result => return result,
            }
        }
        Err(UsersError::Busy)
    }

    /// Returns a page of all accounts, newest first, and the start of the next page.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn list(
        &self,
        after: Option<String>,
        limit: usize,
    ) -> Result<(Vec<Account>, Option<String>), UsersError> {
        Ok(self.store.list(after, limit).await?)
    }

    /// Returns the counters of accounts.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn counts(&self) -> Result<Counts, UsersError> {
        Ok(self.store.counts().await?)
    }

    /// Returns the public keys that verify access tokens.
    ///
    /// # Errors
    /// If KMS does not respond.
    pub async fn public_keys(&self) -> Result<Vec<&Jwk>, UsersError> {
        Ok(self.keys()?.public().await?)
    }

    async fn access_token(
        &self,
        account: &Account,
        session: &Session,
        now: Timestamp,
    ) -> Result<Redacted<String>, UsersError> {
        let claims = Claims::issued(account.id, session.id, account.role, now);
        Ok(Redacted::new(self.keys()?.sign(&claims).await?))
    }

    fn keys(&self) -> Result<&SigningKeys, UsersError> {
        self.keys.as_ref().ok_or(UsersError::SigningKeysMissing)
    }
}

fn new_account(id: UserId, registration: &Registration, role: Role, now: Timestamp) -> Result<Account, UsersError> {
    Ok(Account {
        id,
        email: registration.email.clone(),
        username: registration.username.clone(),
        full_name: registration.full_name.clone(),
        role,
        password_hash: registration.password.hash()?,
        epoch: 0,
        created_at: now,
        updated_at: now,
        version: 1,
    })
}
