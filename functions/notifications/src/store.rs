//! The notifications table.
//!
//! | item | pk | sk |
//! | --- | --- | --- |
//! | contact, preferences and devices of a user | `USER#<user>` | `CONTACT` |
//! | notification that was sent to the user | `USER#<user>` | `NOTIFICATION#<notification>` |
//! | outbox item | `USER#<user>` | `EVENT#<event>` |
//! | owner of a device | `DEVICE#<device>` | `OWNER` |
//! | attempts to send an event to one target | `EVENT#<event>` | `EMAIL`, `SMS` or `PUSH#<device>` |
//!
//! A function acquires a delivery lease for a target before it sends, and records the outcome afterwards. A lease lasts
//! longer than a function can run, so an expired lease was left by a function that died. Leases are numbered, and one
//! is granted only if the number is still the one that was read: of two functions that read the same attempt, one gets
//! the lease. Personal data is stored in the partition of its user and erased with it.

use contracts::{Cause, Envelope, NotificationEvent, NotificationSent, NotificationStatus};
use dynamo::{Key, Query, StoreError, Table, TransactError, Write, item, number, outbox_item_at, text};
use kernel::{DeviceId, EventId, NotificationId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::domain::{Attempt, Contact, DeliveryLease, LeaseDecision, Outcome, Target};

/// How long a lease lasts, in seconds: longer than the function's timeout (6 s on AWS, 18 s on a local engine), shorter
/// than the visibility timeout of its queue.
const LEASE_SECONDS: i64 = 20;

/// How long attempts are stored, in seconds: longer than a message can stay in a queue and be redriven.
const ATTEMPT_RETENTION_SECONDS: i64 = 30 * 24 * 3600;

/// How long sent notifications are listed, in seconds.
const LIST_RETENTION_SECONDS: i64 = 90 * 24 * 3600;

pub(crate) struct Store {
    table: Table,
}

/// The delivery of one event to one target.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot<'a> {
    pub(crate) event_id: EventId,
    pub(crate) target: &'a Target,
    /// The revision of the contact from which the target comes.
    pub(crate) revision: u64,
}

/// A notification that was sent to a user, as the user's list has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SentNotification {
    /// The notification, as it was published.
    #[serde(flatten)]
    pub notification: NotificationSent,
    /// When it was sent, or recorded as failed.
    pub at: Timestamp,
}

#[derive(Debug, Serialize, Deserialize)]
struct Expiring<T> {
    #[serde(flatten)]
    item: T,
    expires_at: i64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Owner {
    user_id: UserId,
}

#[derive(Deserialize)]
struct SortKey {
    sk: String,
}

fn contact_key(id: UserId) -> Key {
    Key::new(format!("USER#{id}"), "CONTACT")
}

fn owner_key(id: DeviceId) -> Key {
    Key::new(format!("DEVICE#{id}"), "OWNER")
}

impl Slot<'_> {
    fn key(self) -> Key {
        Key::new(format!("EVENT#{}", self.event_id), self.target.slot())
    }

    /// Returns the id of the notification. Ids sort by the time of the event.
    pub(crate) fn notification_id(self) -> NotificationId {
        NotificationId::derived(self.event_id, &self.target.slot())
    }
}

impl Store {
    pub(crate) fn new(table: Table) -> Self {
        Self { table }
    }

    pub(crate) async fn contact(&self, id: UserId) -> Result<Option<Contact>, StoreError> {
        self.table.get(&contact_key(id)).await
    }

    /// Like [`Store::contact`], but eventually consistent, at half the price.
    pub(crate) async fn contact_eventually_consistent(&self, id: UserId) -> Result<Option<Contact>, StoreError> {
        self.table.get_eventually_consistent(&contact_key(id)).await
    }

    /// Writes a contact, together with `extra` if there is one. Returns false if the contact has changed since `before`
    /// was read, or the condition of `extra` does not hold.
    pub(crate) async fn write_contact(
        &self,
        id: UserId,
        before: Option<&Contact>,
        contact: &Contact,
        extra: Option<Write>,
    ) -> Result<bool, StoreError> {
        let put = Write::put(item(&contact_key(id), contact)?);
        let put = match before {
            Some(before) => put.only_if("#revision = :seen").with([number(":seen", before.revision)]),
            None => put.if_absent(),
        };
        match extra {
            Some(extra) => self.table.transact_if_allowed(vec![put, extra]).await,
            None => self.table.write_if_allowed(put).await,
        }
    }

    /// Returns the owner of a device.
    pub(crate) async fn owner(&self, id: DeviceId) -> Result<Option<UserId>, StoreError> {
        Ok(self.table.get::<Owner>(&owner_key(id)).await?.map(|owner| owner.user_id))
    }

    /// Returns the write that assigns a device to a user, unless it belongs to another user.
    pub(crate) fn assign_write(id: DeviceId, user_id: UserId) -> Result<Write, StoreError> {
        let put = Write::put(item(&owner_key(id), &Owner { user_id })?);
        Ok(put.only_if("attribute_not_exists(pk) OR user_id = :user").with([text(":user", user_id)]))
    }

    /// Returns the write that removes a user as the owner of a device, unless it belongs to another user.
    pub(crate) fn unassign_write(id: DeviceId, user_id: UserId) -> Write {
        let delete = Write::delete(owner_key(id));
        delete.only_if("attribute_not_exists(pk) OR user_id = :user").with([text(":user", user_id)])
    }

    /// Removes a user as the owner of a device, unless it belongs to another user.
    pub(crate) async fn unassign(&self, id: DeviceId, user_id: UserId) -> Result<(), StoreError> {
        self.table.write_if_allowed(Self::unassign_write(id, user_id)).await.map(drop)
    }

    /// Acquires the lease for the delivery of an event to a target, if it is free.
    pub(crate) async fn acquire_lease(&self, slot: Slot<'_>, now: Timestamp) -> Result<LeaseDecision, StoreError> {
        let claimed_until = now.as_seconds() + LEASE_SECONDS;
        let (first, lease) = Attempt::first(claimed_until);
        let first = Expiring { item: first, expires_at: now.as_seconds() + ATTEMPT_RETENTION_SECONDS };
        let refusal = match self.table.transact(vec![Write::put(item(&slot.key(), &first)?).if_absent()]).await {
            Ok(()) => return Ok(LeaseDecision::Granted(lease)),
            Err(TransactError::Store(error)) => return Err(error),
            Err(TransactError::Refused(refusal)) => refusal,
        };
        let found: Attempt = self.table.read(refusal.found(0).cloned().unwrap_or_default())?;
        let decision = found.request_lease(now, slot.revision);
        let LeaseDecision::Granted(lease) = decision else { return Ok(decision) };
        // The attempt counts as unanswered until there is a response, because the function may die before that.
        let renew = Write::update(slot.key(), "SET claimed_until = :until, claims = :number, unanswered = :unanswered");
        let renew = renew.only_if("claims = :seen AND (attribute_not_exists(#ended) OR #ended <> :sent)").with([
            number(":until", claimed_until),
            number(":number", lease.number),
            number(":unanswered", lease.unanswered_after(Outcome::Unanswered)),
            number(":seen", found.claims),
            text(":sent", "sent"),
        ]);
        Ok(if self.table.transact_if_allowed(vec![renew]).await? { decision } else { LeaseDecision::Held })
    }

    /// Releases a lease, so that the next attempt need not wait for its expiry. Does nothing if another function has
    /// the lease.
    pub(crate) async fn release_lease(&self, slot: Slot<'_>, lease: DeliveryLease) -> Result<(), StoreError> {
        let release = Write::update(slot.key(), "SET claimed_until = :long_ago, unanswered = :unanswered");
        let release = release.only_if("claims = :number").with([
            number(":long_ago", 0),
            number(":unanswered", lease.unanswered_after(Outcome::NotAccepted)),
            number(":number", lease.number),
        ]);
        self.table.write_if_allowed(release).await.map(drop)
    }

    /// Records the outcome of an attempt, lists the notification and publishes it, in one transaction.
    ///
    /// If the account was deleted, only the outcome is recorded. A notification that is sent after it was published as
    /// failed is published again, as its second event. A failure is not published if another function has acquired the
    /// lease: that function publishes the outcome.
    pub(crate) async fn record_outcome(
        &self,
        slot: Slot<'_>,
        lease: DeliveryLease,
        outcome: Outcome,
        notification: NotificationSent,
        now: Timestamp,
        cause: &Cause,
    ) -> Result<(), StoreError> {
        let record = outcome_write(slot, lease, outcome, now);
        if lease.has_failed && notification.status == NotificationStatus::Failed {
            return self.table.write_if_allowed(record).await.map(drop);
        }
        let user = contact_key(notification.user_id);
        let event = NotificationEvent::from(notification.clone());
        let sequence = 1 + u64::from(lease.has_failed);
        let mut envelope = Envelope::new(event, notification.notification_id, sequence, now, cause);
        envelope.event_id = EventId::derived(notification.notification_id, &format!("{:?}", notification.status));
        let outbox = outbox_item_at(&Key::new(&user.pk, format!("EVENT#{}", envelope.event_id)), &envelope)?;
        let entry = Key::new(&user.pk, format!("NOTIFICATION#{}", notification.notification_id));
        let expires_at = now.as_seconds() + LIST_RETENTION_SECONDS;
        let listed = Expiring { item: SentNotification { notification, at: now }, expires_at };
        let account_exists = Write::check(user).only_if("attribute_exists(email)");
        let writes = vec![record.clone(), Write::put(item(&entry, &listed)?), Write::put(outbox), account_exists];
        match self.table.transact(writes).await {
            Ok(()) => Ok(()),
            Err(TransactError::Refused(_)) => self.table.write_if_allowed(record).await.map(drop),
            Err(TransactError::Store(error)) => Err(error),
        }
    }

    /// Returns a page of the notifications that were sent to a user, newest first, and whether there are more.
    pub(crate) async fn sent_to(
        &self,
        user_id: UserId,
        after: Option<String>,
        limit: usize,
    ) -> Result<(Vec<SentNotification>, bool), StoreError> {
        let query = Query {
            index: None,
            pk: contact_key(user_id).pk,
            sk_prefix: "NOTIFICATION#",
            after: after.map(|id| format!("NOTIFICATION#{id}")),
            descending: true,
            limit,
        };
        let page = self.table.page(&query).await?;
        Ok((page.items, page.more))
    }

    /// Erases the notifications that were sent to a user, and their events in the outbox.
    pub(crate) async fn erase(&self, user_id: UserId) -> Result<(), StoreError> {
        let pk = contact_key(user_id).pk;
        for sk_prefix in ["NOTIFICATION#", "EVENT#"] {
            let found: Vec<SortKey> = self.table.all(&pk, sk_prefix).await?;
            let keys: Vec<Key> = found.into_iter().map(|found| Key::new(&pk, found.sk)).collect();
            self.table.delete_many(&keys).await?;
        }
        Ok(())
    }
}

/// Returns the write that records an outcome. That a notification was sent is recorded in any case, a failure only
/// under the own lease.
fn outcome_write(slot: Slot<'_>, lease: DeliveryLease, outcome: Outcome, now: Timestamp) -> Write {
    let ended = |status| {
        let expires_at = now.as_seconds() + ATTEMPT_RETENTION_SECONDS;
        [text(":ended", status), number(":long_ago", 0), number(":expires", expires_at)]
    };
    let set = "SET #ended = :ended, claimed_until = :long_ago, expires_at = :expires";
    if outcome.status() == NotificationStatus::Sent {
        return Write::update(slot.key(), set).with(ended("sent"));
    }
    let unanswered = number(":unanswered", lease.unanswered_after(outcome));
    let values = ended("failed").into_iter().chain([unanswered, number(":number", lease.number)]);
    let (set, refused_at) = match outcome {
        Outcome::Rejected => (
            format!("{set}, unanswered = :unanswered, refused_at = :revision"),
            Some(number(":revision", slot.revision)),
        ),
        _ => (format!("{set}, unanswered = :unanswered"), None),
    };
    Write::update(slot.key(), set).only_if("claims = :number").with(values).with(refused_at)
}
