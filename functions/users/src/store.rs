//! The table of the users context.
//!
//! | item | pk | sk | gsi1pk | gsi1sk |
//! | --- | --- | --- | --- | --- |
//! | account | `USER#<user>` | `ACCOUNT` | `ACCOUNTS#<shard>` | `<user>` |
//! | session | `USER#<user>` | `SESSION#<session>` | | |
//! | outbox entry | `USER#<user>` | `EVENT#<event>` | | |
//! | claim of an e-mail address | `EMAIL#<address>` | `CLAIM` | | |
//! | claim of a username | `USERNAME#<name>` | `CLAIM` | | |
//! | failed logins | `FAILURES#<hash of the account or name>#<address>` | `FAILURES` | | |
//! | counters | `STATS` | `SHARD#<shard>` | | |
//! | response stored for an idempotency key | `IDEMPOTENCY#<hash of the user>#<key>` | `IDEMPOTENCY` | | |
//! | rate limit | `LIMIT#<limit>#<user or address>` | `BUCKET` | | |
//!
//! | access pattern | how |
//! | --- | --- |
//! | authenticate a caller: session and account | one BatchGetItem |
//! | register | BatchGetItem (claims, idempotency key), TransactWriteItems |
//! | log in | GetItem of the claim, BatchGetItem (account, failures), PutItem of the session |
//! | create, change or delete an account and its claims | one TransactWriteItems, so that each claim has one account |
//! | all items of a user, to erase them | Query `USER#` |
//! | all accounts, newest first | Query of gsi1 per shard (keys only), BatchGetItem |

use contracts::{Cause, Envelope, Role, UserDeleted, UserEvent, UserField, UserRegistered, UserUpdated};
use dynamo::{
    IdempotencyKey, Item, Key, Query, Refusal, StoreError, StoredResponse, Table, TransactError, Write, item, number,
    outbox_item_at, text,
};
use futures::future::try_join_all;
use kernel::{Redacted, SessionId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    UsersError,
    domain::{Account, Failures, Login, Registration, Session},
};

/// The number of partitions of the list of accounts and of the counters. Eight take some hundred registrations a
/// second.
const SHARDS: u8 = 8;

pub struct Store {
    table: Table,
}

/// The outcome of the creation of an account.
pub enum Created {
    Done,
    /// The idempotency key has a stored response, which is in this item.
    Replayed(Item),
}

/// What is read before a password is checked.
pub struct LoginAttempt {
    pub account: Option<Account>,
    pub failures: Option<Failures>,
    failures_key: Key,
}

/// The reason why an account cannot be created.
pub enum RegistrationConflict {
    /// The idempotency key has a stored response, which is in this item.
    StoredResponse(Item),
    /// Another account has the e-mail address or the username.
    Taken(UsersError),
}

/// The counters of accounts.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    #[serde(default)]
    pub customers: i64,
    #[serde(default)]
    pub admins: i64,
    #[serde(default)]
    pub registered: i64,
    #[serde(default)]
    pub deleted: i64,
}

/// The condition of a write, which names what conflicts if it fails.
#[derive(Clone, Copy, PartialEq)]
enum Condition {
    IdempotencyKey,
    Email,
    Username,
    Account,
    Unconditional,
}

/// The claim of an e-mail address or a username.
#[derive(Deserialize)]
struct LoginClaim {
    user_id: UserId,
}

#[derive(Deserialize)]
struct ItemKey {
    pk: String,
    sk: String,
}

fn account_key(id: UserId) -> Key {
    Key::new(format!("USER#{id}"), "ACCOUNT")
}

fn session_key(user_id: UserId, id: SessionId) -> Key {
    Key::new(format!("USER#{user_id}"), format!("SESSION#{id}"))
}

fn claim_key(login: &Login) -> Key {
    match login {
        Login::Email(email) => Key::new(format!("EMAIL#{}", email.expose()), "CLAIM"),
        Login::Username(name) => Key::new(format!("USERNAME#{}", name.expose()), "CLAIM"),
    }
}

/// `subject` is hashed, so that the key contains no e-mail address or name.
fn failures_key(subject: &str, address: &str) -> Key {
    let hash: String = Sha256::digest(subject).iter().map(|byte| format!("{byte:02x}")).collect();
    Key::new(format!("FAILURES#{hash}#{address}"), "FAILURES")
}

fn stats_key(shard: u8) -> Key {
    Key::new("STATS", format!("SHARD#{shard}"))
}

fn shard(id: UserId) -> u8 {
    AsRef::<[u8]>::as_ref(&id).last().copied().unwrap_or_default() % SHARDS
}

impl Store {
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// Looks for a reason why the account cannot be created, in one read, before the expensive hash of the password.
    /// The write decides in the end.
    pub async fn find_registration_conflict(
        &self,
        registration: &Registration,
        idempotency_key: Option<&IdempotencyKey>,
    ) -> Result<Option<RegistrationConflict>, StoreError> {
        let email = claim_key(&Login::Email(registration.email.clone()));
        let username = claim_key(&Login::Username(registration.username.clone()));
        let mut keys = vec![email.clone(), username.clone()];
        keys.extend(idempotency_key.map(|key| key.key().clone()));
        let mut found = self.table.get_many(&keys).await?;
        if let Some(response) = idempotency_key.and_then(|key| found.remove(key.key())) {
            return Ok(Some(RegistrationConflict::StoredResponse(response)));
        }
        let taken = |key, error| found.contains_key(&key).then_some(RegistrationConflict::Taken(error));
        Ok(taken(email, UsersError::EmailTaken).or_else(|| taken(username, UsersError::UsernameTaken)))
    }

    /// Writes a new account, its claims and the event `UserRegistered`, or nothing.
    pub async fn create(
        &self,
        account: &Account,
        now: Timestamp,
        cause: &Cause,
        stored: Option<(&IdempotencyKey, &StoredResponse)>,
    ) -> Result<Created, UsersError> {
        let registered = UserRegistered {
            user_id: account.id,
            email: account.email.clone(),
            username: Redacted::new(account.username.expose().to_owned()),
            full_name: event_full_name(account),
            role: account.role,
        };
        let mut writes = Vec::new();
        if let Some((key, response)) = stored {
            writes.push((Condition::IdempotencyKey, key.store(response, now)?));
        }
        writes.push((Condition::Email, claim_write(Login::Email(account.email.clone()), account.id)));
        writes.push((Condition::Username, claim_write(Login::Username(account.username.clone()), account.id)));
        writes.push((Condition::Account, Write::put(account_item(account)?).if_absent()));
        writes.push((Condition::Unconditional, event_write(account.id, account.version, registered, now, cause)?));
        writes.push((
            Condition::Unconditional,
            counters_write(account.id, &[(role_counter(account.role), 1), ("registered", 1)]),
        ));
        match self.transact(writes).await? {
            None => Ok(Created::Done),
            Some((Condition::IdempotencyKey, found)) => Ok(Created::Replayed(found)),
            Some((condition, _)) => Err(conflict(condition)),
        }
    }

    /// Writes `account`, which is `before` with `changed` fields, and the event `UserUpdated`.
    ///
    /// If the account has a new epoch, which ends all its sessions, `session` gets that epoch too and continues.
    pub async fn update(
        &self,
        before: &Account,
        account: &Account,
        changed: Vec<UserField>,
        session: Option<SessionId>,
        now: Timestamp,
        cause: &Cause,
    ) -> Result<(), UsersError> {
        let mut writes = Vec::new();
        if before.email != account.email {
            writes.push((Condition::Email, claim_write(Login::Email(account.email.clone()), account.id)));
            writes.push((Condition::Unconditional, Write::delete(claim_key(&Login::Email(before.email.clone())))));
        }
        if before.username != account.username {
            writes.push((Condition::Username, claim_write(Login::Username(account.username.clone()), account.id)));
            writes
                .push((Condition::Unconditional, Write::delete(claim_key(&Login::Username(before.username.clone())))));
        }
        if let Some(session) = session.filter(|_| before.epoch != account.epoch) {
            let continues = Write::update(session_key(account.id, session), "SET #epoch = :epoch")
                .only_if("attribute_exists(pk)")
                .with([number(":epoch", account.epoch)]);
            writes.push((Condition::Account, continues));
        }
        if before.role != account.role {
            let moved = [(role_counter(before.role), -1), (role_counter(account.role), 1)];
            writes.push((Condition::Unconditional, counters_write(account.id, &moved)));
        }
        let updated = UserUpdated {
            user_id: account.id,
            email: account.email.clone(),
            username: Redacted::new(account.username.expose().to_owned()),
            full_name: event_full_name(account),
            role: account.role,
            changed,
        };
        writes.push((Condition::Account, if_unchanged(Write::put(account_item(account)?), before)));
        writes.push((Condition::Unconditional, event_write(account.id, account.version, updated, now, cause)?));
        match self.transact(writes).await? {
            None => Ok(()),
            Some((condition, _)) => Err(conflict(condition)),
        }
    }

    /// Erases an account with all its items, and writes the event `UserDeleted`.
    ///
    /// The account is deleted last. If the function dies before that, the account can be deleted again, and no items of
    /// a deleted account remain. (A concurrent login may leave a session, which is not valid and expires.)
    pub async fn delete(&self, account: &Account, now: Timestamp, cause: &Cause) -> Result<(), UsersError> {
        let user_pk = account_key(account.id).pk;
        for prefix in ["SESSION#", "EVENT#"] {
            let query = Query {
                index: None,
                pk: user_pk.clone(),
                sk_prefix: prefix,
                after: None,
                descending: false,
                limit: 50,
            };
            loop {
                let page = self.table.page::<ItemKey>(&query).await?;
                let deletes = page.items.iter().map(|key| Write::delete(Key::new(&key.pk, &key.sk)));
                let deletes: Vec<Write> = deletes.collect();
                if !deletes.is_empty() {
                    self.table.transact_if_allowed(deletes).await?;
                }
                if !page.more {
                    break;
                }
            }
        }
        let writes = vec![
            (Condition::Account, if_unchanged(Write::delete(account_key(account.id)), account)),
            (Condition::Unconditional, Write::delete(claim_key(&Login::Email(account.email.clone())))),
            (Condition::Unconditional, Write::delete(claim_key(&Login::Username(account.username.clone())))),
            (Condition::Unconditional, counters_write(account.id, &[(role_counter(account.role), -1), ("deleted", 1)])),
            (
                Condition::Unconditional,
                event_write(account.id, account.version + 1, UserDeleted { user_id: account.id }, now, cause)?,
            ),
        ];
        match self.transact(writes).await? {
            None => Ok(()),
            Some((condition, _)) => Err(conflict(condition)),
        }
    }

    /// Writes all or nothing. Returns the first condition that failed, with the item that was found.
    async fn transact(&self, writes: Vec<(Condition, Write)>) -> Result<Option<(Condition, Item)>, StoreError> {
        let (conditions, writes): (Vec<Condition>, Vec<Write>) = writes.into_iter().unzip();
        match self.table.transact(writes).await {
            Ok(()) => Ok(None),
            Err(TransactError::Store(error)) => Err(error),
            Err(TransactError::Refused(refusal)) => Ok(Some(first_failed(&conditions, &refusal))),
        }
    }

    /// Returns the account with this id.
    pub async fn account(&self, id: UserId) -> Result<Option<Account>, StoreError> {
        self.table.get(&account_key(id)).await
    }

    /// Returns the account with this e-mail address or username.
    pub async fn find(&self, login: &Login) -> Result<Option<Account>, StoreError> {
        match self.table.get::<LoginClaim>(&claim_key(login)).await? {
            Some(claim) => self.account(claim.user_id).await,
            None => Ok(None),
        }
    }

    /// Returns the account with this e-mail address or username, and the failures of that account, or of that unknown
    /// login, from `address`.
    pub async fn find_for_login(&self, login: &Login, address: &str) -> Result<LoginAttempt, StoreError> {
        let claim = self.table.get::<LoginClaim>(&claim_key(login)).await?;
        let subject = claim.as_ref().map_or_else(|| claim_key(login).pk, |claim| account_key(claim.user_id).pk);
        // Without a claim, an account that does not exist is read, so that the response time does not reveal that.
        let account = account_key(claim.map_or_else(|| UserId::derived("nobody", "nobody"), |claim| claim.user_id));
        self.read_attempt(account, failures_key(&subject, address)).await
    }

    /// Returns the account with this id, and its failures from `address`.
    pub async fn find_for_password(&self, id: UserId, address: &str) -> Result<LoginAttempt, StoreError> {
        let account = account_key(id);
        let failures = failures_key(&account.pk, address);
        self.read_attempt(account, failures).await
    }

    async fn read_attempt(&self, account: Key, failures_key: Key) -> Result<LoginAttempt, StoreError> {
        let mut found = self.table.get_many(&[account.clone(), failures_key.clone()]).await?;
        let account = found.remove(&account).map(|item| self.table.read(item)).transpose()?;
        let failures = found.remove(&failures_key).map(|item| self.table.read(item)).transpose()?;
        Ok(LoginAttempt { account, failures, failures_key })
    }

    /// Records a failed attempt. The count is incremented in the table, so that concurrent failures all count. An
    /// expired count starts again.
    pub async fn record_failure(&self, attempt: &LoginAttempt, now: Timestamp) -> Result<(), StoreError> {
        let first = Failures::first(now);
        let values = [
            number(":one", 1),
            number(":none", 0),
            number(":now", now.as_seconds()),
            text(":last", first.last_at),
            number(":expires", first.expires_at),
        ];
        let count = "SET #count = if_not_exists(#count, :none) + :one, last_at = :last, expires_at = :expires";
        let increment = Write::update(attempt.failures_key.clone(), count)
            .only_if("attribute_not_exists(pk) OR expires_at > :now")
            .with(values);
        if !self.table.write_if_allowed(increment).await? {
            self.table.write_if_allowed(Write::put(item(&attempt.failures_key, &first)?)).await?;
        }
        Ok(())
    }

    /// Deletes the failures before a successful attempt.
    pub async fn delete_failures(&self, attempt: &LoginAttempt) -> Result<(), StoreError> {
        self.table.write_if_allowed(Write::delete(attempt.failures_key.clone())).await.map(drop)
    }

    /// Writes a new session.
    pub async fn create_session(&self, session: &Session) -> Result<(), StoreError> {
        let put = Write::put(item(&session_key(session.user_id, session.id), session)?);
        self.table.write_if_allowed(put).await.map(drop)
    }

    /// Returns a session and its account.
    pub async fn session_and_account(
        &self,
        user_id: UserId,
        id: SessionId,
    ) -> Result<(Option<Session>, Option<Account>), StoreError> {
        let (session, account) = (session_key(user_id, id), account_key(user_id));
        let mut found = self.table.get_many(&[session.clone(), account.clone()]).await?;
        let session = found.remove(&session).map(|item| self.table.read(item)).transpose()?;
        let account = found.remove(&account).map(|item| self.table.read(item)).transpose()?;
        Ok((session, account))
    }

    /// Replaces the refresh token of a session. Returns `false` if it was replaced since `before` was read.
    pub async fn replace_refresh_token(&self, before: &Session, after: &Session) -> Result<bool, StoreError> {
        let write =
            Write::update(session_key(after.user_id, after.id), "SET refresh_hash = :hash, expires_at = :expires");
        let write = write.only_if("refresh_hash = :before").with([
            text(":hash", &after.refresh_hash),
            text(":before", &before.refresh_hash),
            number(":expires", after.expires_at),
        ]);
        // The client token of a transaction makes it idempotent, so that the SDK's retry of a write whose response was
        // lost does not count as a second use of the refresh token.
        self.table.transact_if_allowed(vec![write]).await
    }

    /// Deletes a session.
    pub async fn delete_session(&self, user_id: UserId, id: SessionId) -> Result<(), StoreError> {
        self.table.write_if_allowed(Write::delete(session_key(user_id, id))).await.map(drop)
    }

    /// Returns a page of all accounts after `after`, newest first, and the start of the next page. The index is
    /// eventually consistent, so it may have entries of deleted accounts, which the page omits.
    pub async fn list(
        &self,
        after: Option<String>,
        limit: usize,
    ) -> Result<(Vec<Account>, Option<String>), StoreError> {
        let queries: Vec<Query<'_>> = (0..SHARDS)
            .map(|shard| Query {
                index: Some("gsi1"),
                pk: format!("ACCOUNTS#{shard}"),
                sk_prefix: "",
                after: after.clone(),
                descending: true,
                limit,
            })
            .collect();
        let pages = try_join_all(queries.iter().map(|query| self.table.page::<ItemKey>(query))).await?;
        let mut more = pages.iter().any(|page| page.more);
        let mut keys: Vec<Key> =
            pages.into_iter().flat_map(|page| page.items).map(|key| Key::new(key.pk, key.sk)).collect();
        keys.sort_unstable_by(|a, b| b.pk.cmp(&a.pk));
        more |= keys.len() > limit;
        keys.truncate(limit);
        let next = keys.last().filter(|_| more).map(|key| key.pk.trim_start_matches("USER#").to_owned());
        let found = self.table.get_many(&keys).await?;
        let mut accounts: Vec<Account> =
            found.into_values().map(|item| self.table.read(item)).collect::<Result<_, _>>()?;
        accounts.sort_unstable_by_key(|account| std::cmp::Reverse(account.id));
        Ok((accounts, next))
    }

    /// Returns the sums of all counters.
    pub async fn counts(&self) -> Result<Counts, StoreError> {
        let keys: Vec<Key> = (0..SHARDS).map(stats_key).collect();
        let mut sum = Counts::default();
        for item in self.table.get_many(&keys).await?.into_values() {
            let part: Counts = self.table.read(item)?;
            sum.customers += part.customers;
            sum.admins += part.admins;
            sum.registered += part.registered;
            sum.deleted += part.deleted;
        }
        Ok(sum)
    }
}

fn account_item(account: &Account) -> Result<Item, StoreError> {
    let mut item = item(&account_key(account.id), account)?;
    item.extend([text("gsi1pk", format!("ACCOUNTS#{}", shard(account.id))), text("gsi1sk", account.id)]);
    Ok(item)
}

fn claim_write(login: Login, user_id: UserId) -> Write {
    let key = claim_key(&login);
    Write::put(Item::from([text("pk", key.pk), text("sk", key.sk), text("user_id", user_id)])).if_absent()
}

fn if_unchanged(write: Write, before: &Account) -> Write {
    write.only_if("#version = :before").with([number(":before", before.version)])
}

/// Returns the write of an outbox item. Its partition is the user's, so that it is found when the user is erased.
fn event_write(
    id: UserId,
    sequence: u64,
    event: impl Into<UserEvent>,
    now: Timestamp,
    cause: &Cause,
) -> Result<Write, StoreError> {
    let envelope = Envelope::new(event.into(), id, sequence, now, cause);
    let key = Key::new(format!("USER#{id}"), format!("EVENT#{}", envelope.event_id));
    Ok(Write::put(outbox_item_at(&key, &envelope)?))
}

fn counters_write(id: UserId, counters: &[(&str, i64)]) -> Write {
    let adds: Vec<String> = counters.iter().map(|(name, _)| format!("#{name} :{name}")).collect();
    Write::update(stats_key(shard(id)), format!("ADD {}", adds.join(", ")))
        .with(counters.iter().map(|(name, by)| number(&format!(":{name}"), *by)))
}

/// Returns the name of the counter of accounts with a role.
fn role_counter(role: Role) -> &'static str {
    match role {
        Role::Customer => "customers",
        Role::Admin => "admins",
    }
}

fn event_full_name(account: &Account) -> Option<Redacted<String>> {
    account.full_name.as_ref().map(|name| Redacted::new(name.expose().to_string()))
}

/// Returns the first condition that failed, in the order of the writes, with the item that was found.
fn first_failed(conditions: &[Condition], refusal: &Refusal) -> (Condition, Item) {
    let failed = conditions.iter().enumerate().find(|(index, _)| refusal.failed(*index));
    failed.map_or((Condition::Unconditional, Item::new()), |(index, condition)| {
        (*condition, refusal.found(index).cloned().unwrap_or_default())
    })
}

fn conflict(condition: Condition) -> UsersError {
    match condition {
        Condition::Email => UsersError::EmailTaken,
        Condition::Username => UsersError::UsernameTaken,
        Condition::IdempotencyKey | Condition::Account | Condition::Unconditional => UsersError::Busy,
    }
}
