//! The notifications table.
//!
//! | item | pk | sk |
//! | --- | --- | --- |
//! | how a user is reached | `USER#<user>` | `CONTACT` |
//! | what was sent about an event | `EVENT#<event>` | `EMAIL` |
//!
//! A mail is claimed before it is sent and marked after it. A claim holds for as long as a function can run; one that is older
//! was left by a function that died.

use dynamo::{Key, StoreError, Table, TransactError, Write, item, number, text};
use kernel::{Email, EventId, Redacted, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::NotificationsError;

/// How long a claim holds, in seconds: longer than a function's time limit, shorter than its queue's visibility timeout.
const CLAIM_SECONDS: i64 = 20;

/// How long it is remembered that a mail was sent, in seconds: longer than any message can live in a queue and be redriven.
const REMEMBERED_SECONDS: i64 = 30 * 24 * 3600;

pub(crate) struct Store {
    table: Table,
}

/// What is known of a user: nothing that is personal, once they are gone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Contact {
    #[serde(flatten)]
    pub(crate) reached: Option<Reached>,
    pub(crate) sequence: u64,
}

/// How a user is reached.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Reached {
    pub(crate) email: Email,
    pub(crate) name: Redacted<String>,
}

#[derive(Deserialize)]
struct Sent {
    status: Status,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Status {
    Sending,
    Sent,
}

fn contact_key(id: UserId) -> Key {
    Key::new(format!("USER#{id}"), "CONTACT")
}

fn sent_key(about: EventId) -> Key {
    Key::new(format!("EVENT#{about}"), "EMAIL")
}

impl Store {
    pub(crate) fn new(table: Table) -> Self {
        Self { table }
    }

    pub(crate) async fn contact(&self, id: UserId) -> Result<Option<Contact>, StoreError> {
        self.table.get(&contact_key(id)).await
    }

    /// Keeps what was heard of a user, unless something newer is known.
    pub(crate) async fn remember(&self, id: UserId, contact: &Contact) -> Result<(), StoreError> {
        let write = Write::put(item(&contact_key(id), contact)?).if_newer(contact.sequence);
        self.table.write_if_allowed(write).await.map(drop)
    }

    /// Claims the mail about an event; not if it was sent.
    pub(crate) async fn begin(&self, about: EventId, now: Timestamp) -> Result<bool, NotificationsError> {
        let claim = Write::update(sent_key(about), "SET #status = :sending, claimed_until = :until")
            .only_if("attribute_not_exists(pk) OR (#status = :sending AND claimed_until < :now)")
            .with([
                text(":sending", "sending"),
                number(":until", now.as_seconds() + CLAIM_SECONDS),
                number(":now", now.as_seconds()),
            ]);
        match self.table.transact(vec![claim]).await {
            Ok(()) => Ok(true),
            Err(TransactError::Store(error)) => Err(error.into()),
            Err(TransactError::Refused(refusal)) => {
                let found = refusal.found(0).cloned().unwrap_or_default();
                if self.table.read::<Sent>(found)?.status == Status::Sent {
                    Ok(false)
                } else {
                    Err(NotificationsError::BeingSent)
                }
            }
        }
    }

    /// Marks the mail as sent.
    pub(crate) async fn sent(&self, about: EventId, now: Timestamp) -> Result<(), StoreError> {
        let mark = Write::update(sent_key(about), "SET #status = :sent, sent_at = :now, expires_at = :expires");
        let values =
            [text(":sent", "sent"), text(":now", now), number(":expires", now.as_seconds() + REMEMBERED_SECONDS)];
        self.write(mark.with(values)).await
    }

    /// Gives the claim back, so that the next try need not wait for it.
    pub(crate) async fn give_up(&self, about: EventId) -> Result<(), StoreError> {
        self.write(Write::delete(sent_key(about))).await
    }

    async fn write(&self, write: Write) -> Result<(), StoreError> {
        self.table.write_if_allowed(write).await.map(drop)
    }
}
