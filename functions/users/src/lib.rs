//! Users: accounts with a unique e-mail address and a unique name, their sessions, and who calls.
//!
//! A login opens a session. Its access token is good for minutes, its refresh token for days and for one use; the
//! authorizer looks the session and the account up, so that a logout, a deletion or another role counts from then on.

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
use dynamo::{Answer, Claim, Item, KeyReused, Table};
use kernel::{Redacted, Timestamp, UserId};
use lambda::{
    env,
    http::{Caller, Request},
};
use tokens::{Claims, Jwk, SigningKeys};

use crate::{
    domain::{Account, Changes, Login, Password, PasswordHash, RefreshToken, Registration, Session},
    store::{Counts, Created, InTheWay, LoginAttempt, Store},
};
pub use error::UsersError;

/// The use cases of users.
pub struct Users {
    store: Store,
    keys: Option<SigningKeys>,
    /// How many failed logins have no consequence.
    failures_allowed: u32,
}

/// What a login or a refresh gives.
#[derive(Debug)]
pub struct Tokens {
    /// Good for minutes.
    pub access: Redacted<String>,
    /// Good for one refresh.
    pub refresh: RefreshToken,
}

/// Somebody who showed an access token.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// Who it is, as the account is now.
    pub caller: Caller,
    /// When their token ends, in seconds since 1970.
    pub until: i64,
}

/// How often a change that met another one on the same account is tried.
const TRIES: usize = 4;

/// How many failed logins have no consequence, where the template says nothing.
const FAILURES_ALLOWED: u32 = 5;

impl Users {
    /// Over the environment's one configuration.
    ///
    /// # Errors
    /// When the template did not set a variable.
    pub fn connect(config: &SdkConfig) -> Result<Self, lambda::Error> {
        Ok(Self {
            store: Store::new(Table::connect(config, env("TABLE_NAME")?)),
            keys: None,
            failures_allowed: env("LOGIN_FAILURES").map_or(Ok(FAILURES_ALLOWED), |text| text.parse())?,
        })
    }

    /// With the signing keys, for the functions that may use them.
    ///
    /// # Errors
    /// When the template did not set a variable.
    pub fn with_keys(self, config: &SdkConfig) -> Result<Self, lambda::Error> {
        Ok(Self { keys: Some(SigningKeys::connect(config, &env("SIGNING_KEY_IDS")?)), ..self })
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
        let account = new_account(id, &registration, role, now)?;
        match self.store.create(&account, now, cause, None).await? {
            Created::Done => Ok(account),
            Created::Answered(_) => Err(UsersError::Busy),
        }
    }

    /// As [`Users::register`], for a request that may carry an idempotency key.
    ///
    /// Only the id is stored with the key: the account itself tells the rest, as long as there is one.
    ///
    /// # Errors
    /// When the address or name is taken, or the key was used with another request.
    pub async fn register_once(
        &self,
        registration: Registration,
        role: Role,
        claim: Option<Claim>,
        request: &Request,
    ) -> Result<Account, UsersError> {
        match self.store.in_the_way(&registration, claim.as_ref()).await? {
            None => {}
            Some(InTheWay::Taken(error)) => return Err(error),
            Some(InTheWay::Answer(found)) => {
                if let Some(account) = self.registered(claim.as_ref(), &found, &registration, request.now).await? {
                    return Ok(account);
                }
            }
        }
        let account = new_account(UserId::new(), &registration, role, request.now)?;
        let answer = Answer { status: 201, location: None, body: account.id.to_string() };
        let claimed = claim.as_ref().map(|claim| (claim, &answer));
        match self.store.create(&account, request.now, &request.cause(), claimed).await? {
            Created::Done => Ok(account),
            Created::Answered(found) => {
                self.registered(claim.as_ref(), &found, &registration, request.now).await?.ok_or(UsersError::Busy)
            }
        }
    }

    /// The account that an idempotency key answers with; none if the answer has expired. The password has to be the same too, but is
    /// not kept with the key: the account tells.
    async fn registered(
        &self,
        claim: Option<&Claim>,
        found: &Item,
        registration: &Registration,
        now: Timestamp,
    ) -> Result<Option<Account>, UsersError> {
        let claim = claim.ok_or(UsersError::Busy)?;
        let Some(answer) = claim.replay(found, now)?? else {
            return Ok(None);
        };
        let id = answer.body.parse().map_err(|_| UsersError::Busy)?;
        let account = self.find(id).await?;
        if account.password_hash.matches(&registration.password) { Ok(Some(account)) } else { Err(KeyReused.into()) }
    }

    /// Opens a session of the account that `login` names, if the password is right; else one answer, after the same work, whatever
    /// was wrong.
    ///
    /// # Errors
    /// When it is not, or was not too often.
    pub async fn log_in(
        &self,
        login: &Login,
        password: &Password,
        request: &Request,
    ) -> Result<(Account, Tokens), UsersError> {
        let now = request.now;
        let attempt = self.store.find_for_login(login, &request.address()).await?;
        let account = self.check(&attempt, password, now).await?.ok_or(UsersError::WrongCredentials)?;
        let (session, refresh) = Session::open(account, now);
        let access = self.access_token(account, &session, now).await?;
        self.store.open(&session).await?;
        Ok((account.clone(), Tokens { access, refresh }))
    }

    /// The account of an attempt, if the password is its; the same work whatever is wrong. Failures before a success are forgotten.
    async fn check<'a>(
        &self,
        attempt: &'a LoginAttempt,
        password: &Password,
        now: Timestamp,
    ) -> Result<Option<&'a Account>, UsersError> {
        let failures = attempt.failures.as_ref();
        if let Some(wait) = failures.and_then(|failures| failures.pause(self.failures_allowed, now)) {
            return Err(UsersError::TooManyFailures(wait));
        }
        let account = attempt.account.as_ref();
        let hash = match account {
            Some(account) => &account.password_hash,
            None => PasswordHash::of_nobody(), // which takes as long
        };
        let matches = hash.matches(password);
        let Some(account) = account.filter(|_| matches) else {
            self.store.record_failure(attempt, now).await?;
            return Ok(None);
        };
        if failures.is_some() {
            self.store.forget_failures(attempt).await?;
        }
        Ok(Some(account))
    }

    /// Goes on with a session: a new access token, and a new refresh token in place of the one used.
    ///
    /// One that was used before has been stolen, or will have been: its session ends, for whoever has it.
    ///
    /// # Errors
    /// When the token is not good any more.
    pub async fn refresh(&self, given: &RefreshToken, now: Timestamp) -> Result<Tokens, UsersError> {
        let (session, account) = self.store.session(given.user_id, given.session_id).await?;
        let (Some(session), Some(account)) = (session, account) else {
            return Err(UsersError::InvalidRefreshToken);
        };
        if !session.is_open(&account, now) || !session.gave_out(given) {
            return Err(UsersError::InvalidRefreshToken);
        }
        let (refreshed, refresh) = session.refreshed(given, now);
        // Signed before the token is used up: a client whose answer is a fault tries again with it.
        let access = self.access_token(&account, &refreshed, now).await?;
        let is_current = given.hash() == session.refresh_hash;
        if !is_current || !self.store.refresh(&session, &refreshed).await? {
            tracing::warn!(session_id = %session.id, user_id = %account.id, "a refresh token came twice: its session is ended");
            self.store.end(account.id, session.id).await?;
            return Err(UsersError::InvalidRefreshToken);
        }
        Ok(Tokens { access, refresh })
    }

    /// Ends the caller's session.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn log_out(&self, caller: Caller) -> Result<(), UsersError> {
        Ok(self.store.end(caller.user_id, caller.session_id).await?)
    }

    /// Who calls with `token`: as the account is now, if the token is ours and its session goes on.
    ///
    /// # Errors
    /// When the keys or the store do not answer.
    pub async fn who_calls(&self, token: &str, now: Timestamp) -> Result<Option<Known>, UsersError> {
        let Ok(claims) = self.keys()?.verify(token).await? else {
            return Ok(None);
        };
        let (session, account) = self.store.session(claims.sub, claims.sid).await?;
        let (Some(session), Some(account)) = (session, account) else {
            return Ok(None);
        };
        let caller = Caller { user_id: account.id, role: account.role, session_id: session.id };
        Ok(session.is_open(&account, now).then_some(Known { caller, until: claims.exp }))
    }

    /// The account with this id.
    ///
    /// # Errors
    /// When there is none.
    pub async fn find(&self, id: UserId) -> Result<Account, UsersError> {
        self.store.account(id).await?.ok_or(UsersError::NotFound)
    }

    /// Changes an account. A new address or password needs the caller's own password once more.
    ///
    /// # Errors
    /// When that is wrong, or the new address or name is taken.
    pub async fn update(
        &self,
        id: UserId,
        caller: Caller,
        changes: Changes,
        current_password: Option<&Password>,
        request: &Request,
    ) -> Result<Account, UsersError> {
        let account = self.find(id).await?;
        if changes.password.as_ref().is_some_and(|password| account.is_called(&changes, password)) {
            return Err(UsersError::PasswordKnown);
        }
        let moves = changes.email.as_ref().is_some_and(|email| *email != account.email);
        if moves || changes.password.is_some() {
            self.confirm(caller, current_password, request).await?;
        }
        let (changed, fields) = account.changed(changes, request.now)?;
        if fields.is_empty() {
            return Ok(account);
        }
        let session = (caller.user_id == id).then_some(caller.session_id);
        self.store.update(&account, &changed, fields, session, request.now, &request.cause()).await?;
        Ok(changed)
    }

    /// Makes sure that it is the caller who sits there: wrong passwords count as failed logins do.
    async fn confirm(&self, caller: Caller, password: Option<&Password>, request: &Request) -> Result<(), UsersError> {
        let password = password.ok_or(UsersError::PasswordMissing)?;
        let attempt = self.store.find_for_password(caller.user_id, &request.address()).await?;
        self.check(&attempt, password, request.now).await?.map(drop).ok_or(UsersError::WrongPassword)
    }

    /// Gives an account another role.
    ///
    /// # Errors
    /// When there is none.
    pub async fn change_role(
        &self,
        id: UserId,
        role: Role,
        now: Timestamp,
        cause: &Cause,
    ) -> Result<Account, UsersError> {
        for _ in 0..TRIES {
            let account = self.find(id).await?;
            let Some(changed) = account.with_role(role, now) else {
                return Ok(account);
            };
            let fields = vec![contracts::UserField::Role];
            match self.store.update(&account, &changed, fields, None, now, cause).await {
                Err(UsersError::Busy) => {}
                done => return done.map(|()| changed),
            }
        }
        Err(UsersError::Busy)
    }

    /// The account that `login` names.
    ///
    /// # Errors
    /// When there is none.
    pub async fn find_by_login(&self, login: &Login) -> Result<Account, UsersError> {
        self.store.find(login).await?.ok_or(UsersError::NotFound)
    }

    /// Erases an account; its orders remain, without a person behind them.
    ///
    /// # Errors
    /// When there is none, or it is the administrator's own: a shop would be left without one by a slip.
    pub async fn delete(&self, id: UserId, caller: Caller, now: Timestamp, cause: &Cause) -> Result<(), UsersError> {
        if caller.user_id == id && caller.is_admin() {
            return Err(UsersError::OwnAccount);
        }
        for _ in 0..TRIES {
            let account = self.find(id).await?;
            match self.store.delete(&account, now, cause).await {
                Err(UsersError::Busy) => {}
                done => return done,
            }
        }
        Err(UsersError::Busy)
    }

    /// A page of all accounts, newest first, and where the next one begins.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn all(&self, after: Option<String>, limit: usize) -> Result<(Vec<Account>, Option<String>), UsersError> {
        Ok(self.store.all(after, limit).await?)
    }

    /// How many accounts there are and were.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn counts(&self) -> Result<Counts, UsersError> {
        Ok(self.store.counts().await?)
    }

    /// The public keys that verify access tokens.
    ///
    /// # Errors
    /// When KMS does not give them.
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
        self.keys.as_ref().ok_or(UsersError::NoKey)
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
