//! Idempotency keys: the answer is stored in the transaction of the work itself, so a key is either new or done.

use kernel::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Item, Key, StoreError, Table, Write, item, number};

/// How long an answer is kept.
const KEPT_SECONDS: i64 = 24 * 3600;

/// A caller's claim that a request is the same as any other with this key.
#[derive(Debug, Clone)]
pub struct Claim {
    key: Key,
    fingerprint: String,
}

/// What was answered the first time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The `Location`, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// The JSON body.
    pub body: String,
}

/// The key was used before, with another request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the idempotency key was used with another request")]
pub struct KeyReused;

#[derive(Serialize, Deserialize)]
struct Stored {
    fingerprint: String,
    #[serde(flatten)]
    answer: Answer,
    expires_at: i64,
}

impl Claim {
    /// `scope` says whose key it is: two callers may use the same one. `request` is what must be the same again.
    pub fn new(scope: &str, key: &str, request: &str) -> Self {
        let hash = |text: &str| Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        // A scope may be somebody's address.
        Self { key: Key::new(format!("IDEMPOTENCY#{}#{key}", hash(scope)), "IDEMPOTENCY"), fingerprint: hash(request) }
    }

    /// Stores `answer` unless the key has one. (An expired one may still lie there: DynamoDB removes them when it likes.)
    ///
    /// # Errors
    /// When the answer does not serialize.
    pub fn store(&self, answer: &Answer, now: Timestamp) -> Result<Write, StoreError> {
        let stored = Stored {
            fingerprint: self.fingerprint.clone(),
            answer: answer.clone(),
            expires_at: now.as_seconds() + KEPT_SECONDS,
        };
        Ok(Write::put(item(&self.key, &stored)?)
            .only_if("attribute_not_exists(pk) OR expires_at < :now")
            .with([number(":now", now.as_seconds())]))
    }

    /// Where the answer lies, for a read together with others.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// What was answered to the key: as [`Claim::replay`], of what lies in `table` now.
    ///
    /// # Errors
    /// As there, and when the table does not answer.
    pub async fn answered(
        &self,
        table: &Table,
        now: Timestamp,
    ) -> Result<Result<Option<Answer>, KeyReused>, StoreError> {
        let found = table.get_many(std::slice::from_ref(&self.key)).await?.remove(&self.key);
        found.map_or(Ok(Ok(None)), |found| self.replay(&found, now))
    }

    /// What the item at [`Claim::key`] answers: nothing if it has expired.
    ///
    /// # Errors
    /// When the item is not an answer; the inner error when it answers another request.
    pub fn replay(&self, found: &Item, now: Timestamp) -> Result<Result<Option<Answer>, KeyReused>, StoreError> {
        let stored: Stored = serde_dynamo::from_item(found.clone())
            .map_err(|error| StoreError::unreadable("(an idempotency key's)", error))?;
        Ok(if stored.expires_at < now.as_seconds() {
            Ok(None)
        } else if stored.fingerprint == self.fingerprint {
            Ok(Some(stored.answer))
        } else {
            Err(KeyReused)
        })
    }
}
