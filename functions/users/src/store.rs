//! The users table.
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
//! | answer to an idempotency key | `IDEMPOTENCY#<hash of the user>#<key>` | `IDEMPOTENCY` | | |
//! | rate limit | `LIMIT#<limit>#<user or address>` | `BUCKET` | | |
//!
//! | access pattern | how |
//! | --- | --- |
//! | who calls: session and account | one BatchGetItem |
//! | register | BatchGetItem (claims, key), TransactWriteItems |
//! | log in | GetItem of the claim, BatchGetItem (account, failures), PutItem of the session |
//! | an account and its claims, made, changed or deleted | one TransactWriteItems, so that an address or a name has one account |
//! | everything of a user, to erase it | Query `USER#` |
//! | all accounts, newest first | Query of gsi1 per shard (keys only), BatchGetItem |

use contracts::{Cause, Envelope, Role, UserDeleted, UserEvent, UserField, UserRegistered, UserUpdated};
use dynamo::{
    Answer, Claim, Item, Key, Query, Refusal, StoreError, Table, TransactError, Write, item, number, outbox_item_at,
    text,
};
use futures::future::try_join_all;
use kernel::{Redacted, SessionId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    UsersError,
    domain::{Account, Failures, Login, Registration, Session},
};

/// Over how many partitions the list of accounts and the counters are spread: 8 take some hundred registrations a second.
const SHARDS: u8 = 8;

pub struct Store {
    table: Table,
}

/// What became of a creation.
pub enum Created {
    Done,
    /// The idempotency key has an answer.
    Answered(Item),
}

/// What is known before a password is checked.
pub struct LoginAttempt {
    pub account: Option<Account>,
    pub failures: Option<Failures>,
    failures_key: Key,
}

/// Why there will be no new account.
pub enum InTheWay {
    /// The idempotency key has an answer.
    Answer(Item),
    /// Another account has the address or the name.
    Taken(UsersError),
}

/// How many accounts there are and were.
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

/// Which condition of a change did not hold.
#[derive(Clone, Copy, PartialEq)]
enum On {
    Key,
    Email,
    Username,
    Account,
    Nothing,
}

#[derive(Deserialize)]
struct NameClaim {
    user_id: UserId,
}

#[derive(Deserialize)]
struct Place {
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

/// Whoever is locked out is not written down by name.
fn failures_key(who: &str, address: &str) -> Key {
    let hash: String = Sha256::digest(who).iter().map(|byte| format!("{byte:02x}")).collect();
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

    /// What would stand in the way of a new account, in one read: so that hashing a password is not wasted on it. The write decides.
    pub async fn in_the_way(
        &self,
        wanted: &Registration,
        claim: Option<&Claim>,
    ) -> Result<Option<InTheWay>, StoreError> {
        let email = claim_key(&Login::Email(wanted.email.clone()));
        let username = claim_key(&Login::Username(wanted.username.clone()));
        let mut keys = vec![email.clone(), username.clone()];
        keys.extend(claim.map(|claim| claim.key().clone()));
        let mut found = self.table.get_many(&keys).await?;
        if let Some(answer) = claim.and_then(|claim| found.remove(claim.key())) {
            return Ok(Some(InTheWay::Answer(answer)));
        }
        let taken = |key, error| found.contains_key(&key).then_some(InTheWay::Taken(error));
        Ok(taken(email, UsersError::EmailTaken).or_else(|| taken(username, UsersError::UsernameTaken)))
    }

    /// Writes a new account, its claims and the event that tells of it, or nothing.
    pub async fn create(
        &self,
        account: &Account,
        now: Timestamp,
        cause: &Cause,
        claimed: Option<(&Claim, &Answer)>,
    ) -> Result<Created, UsersError> {
        let registered = UserRegistered {
            user_id: account.id,
            email: account.email.clone(),
            username: Redacted::new(account.username.expose().to_owned()),
            full_name: told_name(account),
            role: account.role,
        };
        let mut writes = Vec::new();
        if let Some((claim, answer)) = claimed {
            writes.push((On::Key, claim.store(answer, now)?));
        }
        writes.push((On::Email, claim(Login::Email(account.email.clone()), account.id)));
        writes.push((On::Username, claim(Login::Username(account.username.clone()), account.id)));
        writes.push((On::Account, Write::put(account_item(account)?).if_absent()));
        writes.push((On::Nothing, told(account.id, account.version, registered, now, cause)?));
        writes.push((On::Nothing, counted(account.id, &[(counter(account.role), 1), ("registered", 1)])));
        match self.change(writes).await? {
            None => Ok(Created::Done),
            Some((On::Key, found)) => Ok(Created::Answered(found)),
            Some((on, _)) => Err(taken(on)),
        }
    }

    /// Writes `account`, which is `before` with `changed` fields, and the event that tells of it.
    ///
    /// `session` goes on where the account's epoch ended all of them.
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
            writes.push((On::Email, claim(Login::Email(account.email.clone()), account.id)));
            writes.push((On::Nothing, Write::delete(claim_key(&Login::Email(before.email.clone())))));
        }
        if before.username != account.username {
            writes.push((On::Username, claim(Login::Username(account.username.clone()), account.id)));
            writes.push((On::Nothing, Write::delete(claim_key(&Login::Username(before.username.clone())))));
        }
        if let Some(session) = session.filter(|_| before.epoch != account.epoch) {
            let goes_on = Write::update(session_key(account.id, session), "SET #epoch = :epoch")
                .only_if("attribute_exists(pk)")
                .with([number(":epoch", account.epoch)]);
            writes.push((On::Account, goes_on));
        }
        if before.role != account.role {
            let moved = [(counter(before.role), -1), (counter(account.role), 1)];
            writes.push((On::Nothing, counted(account.id, &moved)));
        }
        let updated = UserUpdated {
            user_id: account.id,
            email: account.email.clone(),
            username: Redacted::new(account.username.expose().to_owned()),
            full_name: told_name(account),
            role: account.role,
            changed,
        };
        writes.push((On::Account, unchanged_since(Write::put(account_item(account)?), before)));
        writes.push((On::Nothing, told(account.id, account.version, updated, now, cause)?));
        match self.change(writes).await? {
            None => Ok(()),
            Some((on, _)) => Err(taken(on)),
        }
    }

    /// Erases an account and everything of it, and writes the event that tells of it.
    ///
    /// The account goes last: whoever dies on the way leaves an account that can be deleted again, and not traces of one that is
    /// gone. (A login at the same moment may leave a session that opens nothing, and expires.)
    pub async fn delete(&self, account: &Account, now: Timestamp, cause: &Cause) -> Result<(), UsersError> {
        let of_user = account_key(account.id).pk;
        for prefix in ["SESSION#", "EVENT#"] {
            let query = Query {
                index: None,
                pk: of_user.clone(),
                sk_prefix: prefix,
                after: None,
                descending: false,
                limit: 50,
            };
            loop {
                let page = self.table.page::<Place>(&query).await?;
                let deletes = page.items.iter().map(|place| Write::delete(Key::new(&place.pk, &place.sk)));
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
            (On::Account, unchanged_since(Write::delete(account_key(account.id)), account)),
            (On::Nothing, Write::delete(claim_key(&Login::Email(account.email.clone())))),
            (On::Nothing, Write::delete(claim_key(&Login::Username(account.username.clone())))),
            (On::Nothing, counted(account.id, &[(counter(account.role), -1), ("deleted", 1)])),
            (On::Nothing, told(account.id, account.version + 1, UserDeleted { user_id: account.id }, now, cause)?),
        ];
        match self.change(writes).await? {
            None => Ok(()),
            Some((on, _)) => Err(taken(on)),
        }
    }

    /// Writes all or nothing: what stood in the way, if something did.
    async fn change(&self, writes: Vec<(On, Write)>) -> Result<Option<(On, Item)>, StoreError> {
        let (conditions, writes): (Vec<On>, Vec<Write>) = writes.into_iter().unzip();
        match self.table.transact(writes).await {
            Ok(()) => Ok(None),
            Err(TransactError::Store(error)) => Err(error),
            Err(TransactError::Refused(refusal)) => Ok(Some(first_failed(&conditions, &refusal))),
        }
    }

    /// The account with this id.
    pub async fn account(&self, id: UserId) -> Result<Option<Account>, StoreError> {
        self.table.get(&account_key(id)).await
    }

    /// The account that `login` names.
    pub async fn find(&self, login: &Login) -> Result<Option<Account>, StoreError> {
        match self.table.get::<NameClaim>(&claim_key(login)).await? {
            Some(claim) => self.account(claim.user_id).await,
            None => Ok(None),
        }
    }

    /// The account that `login` names, and the failures of it or of that name from `address`.
    pub async fn find_for_login(&self, login: &Login, address: &str) -> Result<LoginAttempt, StoreError> {
        let claim = self.table.get::<NameClaim>(&claim_key(login)).await?;
        let who = claim.as_ref().map_or_else(|| claim_key(login).pk, |claim| account_key(claim.user_id).pk);
        // Without a claim, an account that is not there is looked up all the same: nobody learns from the time it takes.
        let account = account_key(claim.map_or_else(|| UserId::derived("nobody", "nobody"), |claim| claim.user_id));
        self.attempt(account, failures_key(&who, address)).await
    }

    /// The account with this id, and its failures from `address`.
    pub async fn find_for_password(&self, id: UserId, address: &str) -> Result<LoginAttempt, StoreError> {
        let account = account_key(id);
        let failures = failures_key(&account.pk, address);
        self.attempt(account, failures).await
    }

    async fn attempt(&self, account: Key, failures_key: Key) -> Result<LoginAttempt, StoreError> {
        let mut found = self.table.get_many(&[account.clone(), failures_key.clone()]).await?;
        let account = found.remove(&account).map(|item| self.table.read(item)).transpose()?;
        let failures = found.remove(&failures_key).map(|item| self.table.read(item)).transpose()?;
        Ok(LoginAttempt { account, failures, failures_key })
    }

    /// Records that an attempt failed: counted where it lies, so that of many at once each counts. What has expired begins anew.
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
        let counted = Write::update(attempt.failures_key.clone(), count)
            .only_if("attribute_not_exists(pk) OR expires_at > :now")
            .with(values);
        if !self.table.write_if_allowed(counted).await? {
            self.table.write_if_allowed(Write::put(item(&attempt.failures_key, &first)?)).await?;
        }
        Ok(())
    }

    /// Forgets the failures before an attempt that succeeded.
    pub async fn forget_failures(&self, attempt: &LoginAttempt) -> Result<(), StoreError> {
        self.table.write_if_allowed(Write::delete(attempt.failures_key.clone())).await.map(drop)
    }

    /// Opens a session.
    pub async fn open(&self, session: &Session) -> Result<(), StoreError> {
        let opened = Write::put(item(&session_key(session.user_id, session.id), session)?);
        self.table.write_if_allowed(opened).await.map(drop)
    }

    /// The session and the account it is of.
    pub async fn session(
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

    /// Goes on with a session, unless its refresh token is not the one that was read any more.
    pub async fn refresh(&self, before: &Session, after: &Session) -> Result<bool, StoreError> {
        let write =
            Write::update(session_key(after.user_id, after.id), "SET refresh_hash = :hash, expires_at = :expires");
        let write = write.only_if("refresh_hash = :before").with([
            text(":hash", &after.refresh_hash),
            text(":before", &before.refresh_hash),
            number(":expires", after.expires_at),
        ]);
        // A transaction: its token makes a try whose answer was lost no second use of the refresh token.
        self.table.transact_if_allowed(vec![write]).await
    }

    /// Ends a session.
    pub async fn end(&self, user_id: UserId, id: SessionId) -> Result<(), StoreError> {
        self.table.write_if_allowed(Write::delete(session_key(user_id, id))).await.map(drop)
    }

    /// A page of all accounts, newest first, behind `after`, and where the next one begins; the index is a moment behind the last
    /// write, so that of its entries some accounts may be gone.
    pub async fn all(&self, after: Option<String>, limit: usize) -> Result<(Vec<Account>, Option<String>), StoreError> {
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
        let pages = try_join_all(queries.iter().map(|query| self.table.page::<Place>(query))).await?;
        let mut more = pages.iter().any(|page| page.more);
        let mut keys: Vec<Key> =
            pages.into_iter().flat_map(|page| page.items).map(|place| Key::new(place.pk, place.sk)).collect();
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

    /// All counters together.
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
    let mut whole = item(&account_key(account.id), account)?;
    whole.extend([text("gsi1pk", format!("ACCOUNTS#{}", shard(account.id))), text("gsi1sk", account.id)]);
    Ok(whole)
}

fn claim(login: Login, user_id: UserId) -> Write {
    let key = claim_key(&login);
    Write::put(Item::from([text("pk", key.pk), text("sk", key.sk), text("user_id", user_id)])).if_absent()
}

fn unchanged_since(write: Write, before: &Account) -> Write {
    write.only_if("#version = :before").with([number(":before", before.version)])
}

/// The event lies with its user, so that it is found when everything of the user is erased.
fn told(
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

fn counted(id: UserId, counters: &[(&str, i64)]) -> Write {
    let adds: Vec<String> = counters.iter().map(|(name, _)| format!("#{name} :{name}")).collect();
    Write::update(stats_key(shard(id)), format!("ADD {}", adds.join(", ")))
        .with(counters.iter().map(|(name, by)| number(&format!(":{name}"), *by)))
}

/// The counter of accounts in a role.
fn counter(role: Role) -> &'static str {
    match role {
        Role::Customer => "customers",
        Role::Admin => "admins",
    }
}

fn told_name(account: &Account) -> Option<Redacted<String>> {
    account.full_name.as_ref().map(|name| Redacted::new(name.expose().to_string()))
}

/// What counts first: a key that has an answer, then what is taken.
fn first_failed(conditions: &[On], refusal: &Refusal) -> (On, Item) {
    let failed = conditions.iter().enumerate().find(|(index, _)| refusal.failed(*index));
    failed.map_or((On::Nothing, Item::new()), |(index, on)| (*on, refusal.found(index).cloned().unwrap_or_default()))
}

fn taken(on: On) -> UsersError {
    match on {
        On::Email => UsersError::EmailTaken,
        On::Username => UsersError::UsernameTaken,
        On::Key | On::Account | On::Nothing => UsersError::Busy,
    }
}
