//! Idempotency keys. The response is stored in the transaction of the work, so a key is either unused or completed.

use kernel::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Item, Key, StoreError, Table, Write, item, number};

/// How long a response is stored.
const RETENTION_SECONDS: i64 = 24 * 3600;

/// The idempotency key of a request. Requests with the same key get the same response.
#[derive(Debug, Clone)]
pub struct IdempotencyKey {
    key: Key,
    fingerprint: String,
}

/// The response to the first request with an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredResponse {
    /// The HTTP status.
    pub status: u16,
    /// The `Location` header, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// The JSON body.
    pub body: String,
}

/// The error of a key that was already used with a different request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the idempotency key was used with another request")]
pub struct KeyReused;

/// The item of an idempotency key.
#[derive(Serialize, Deserialize)]
struct StoredItem {
    fingerprint: String,
    #[serde(flatten)]
    response: StoredResponse,
    expires_at: i64,
}

impl IdempotencyKey {
    /// Creates a key. `scope` identifies the caller, because two callers may use the same key. `request` is what must
    /// be the same in every request with the key.
    pub fn new(scope: &str, key: &str, request: &str) -> Self {
        let hash = |text: &str| Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        // The scope is hashed because it may be a caller's address, which is personal data.
        Self { key: Key::new(format!("IDEMPOTENCY#{}#{key}", hash(scope)), "IDEMPOTENCY"), fingerprint: hash(request) }
    }

    /// Returns the write that stores `response` unless the key already has one. An expired response is overwritten,
    /// because DynamoDB may delete it much later.
    ///
    /// # Errors
    /// If the response cannot be serialized.
    pub fn store(&self, response: &StoredResponse, now: Timestamp) -> Result<Write, StoreError> {
        let stored = StoredItem {
            fingerprint: self.fingerprint.clone(),
            response: response.clone(),
            expires_at: now.as_seconds() + RETENTION_SECONDS,
        };
        Ok(Write::put(item(&self.key, &stored)?)
            .only_if("attribute_not_exists(pk) OR expires_at < :now")
            .with([number(":now", now.as_seconds())]))
    }

    /// Returns the key of the stored response's item, for a read together with other items.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Reads the stored response from `table`, and returns what [`IdempotencyKey::replay`] returns for it.
    ///
    /// # Errors
    /// The outer error if the table does not respond or the item cannot be read, the inner error if the key was used
    /// with a different request.
    pub async fn find(
        &self,
        table: &Table,
        now: Timestamp,
    ) -> Result<Result<Option<StoredResponse>, KeyReused>, StoreError> {
        let found = table.get_many(std::slice::from_ref(&self.key)).await?.remove(&self.key);
        found.map_or(Ok(Ok(None)), |found| self.replay(&found, now))
    }

    /// Returns the response in the item at [`IdempotencyKey::key`], or `None` if it has expired.
    ///
    /// # Errors
    /// The outer error if the item cannot be read, the inner error if the key was used with a different request.
    pub fn replay(
        &self,
        found: &Item,
        now: Timestamp,
    ) -> Result<Result<Option<StoredResponse>, KeyReused>, StoreError> {
        let stored: StoredItem = serde_dynamo::from_item(found.clone())
            .map_err(|error| StoreError::unreadable("(an idempotency key's)", error))?;
        Ok(if stored.expires_at < now.as_seconds() {
            Ok(None)
        } else if stored.fingerprint == self.fingerprint {
            Ok(Some(stored.response))
        } else {
            Err(KeyReused)
        })
    }
}
