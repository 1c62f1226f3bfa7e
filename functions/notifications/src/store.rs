//! The notifications table.
//!
//! | item | pk | sk |
//! | --- | --- | --- |
//! | how a user is reached, and wants to be | `USER#<user>` | `CONTACT` |
//! | what was sent to them | `USER#<user>` | `NOTIFICATION#<notification>` |
//! | outbox entry | `USER#<user>` | `EVENT#<event>` |
//! | whose a device is | `DEVICE#<device>` | `OWNER` |
//! | the tries to tell one target of an event | `EVENT#<event>` | `EMAIL`, `SMS` or `PUSH#<device>` |
//!
//! A target is claimed before it is told and marked after it. A claim holds for as long as a function can run; one that is older was
//! left by a function that died. Claims are numbered, and each is granted over the one that was seen: of two who see the same, one gets it.
//! What is personal lies in the partition of its user, and is erased with it.

use contracts::{Cause, Envelope, NotificationEvent, NotificationSent, NotificationStatus};
use dynamo::{Key, Query, StoreError, Table, TransactError, Write, item, number, outbox_item_at, text};
use kernel::{DeviceId, EventId, NotificationId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::domain::{Attempt, Claim, Contact, Grant, Outcome, Target};

/// How long a claim holds, in seconds: longer than a function's timeout (18 s on a local engine, 6 s on AWS), shorter than its queue's visibility
/// timeout.
const CLAIM_SECONDS: i64 = 20;

/// How long it is remembered that a target was told, in seconds: longer than any message can live in a queue and be redriven.
const REMEMBERED_SECONDS: i64 = 30 * 24 * 3600;

/// How long what was sent is listed, in seconds.
const LISTED_SECONDS: i64 = 90 * 24 * 3600;

pub(crate) struct Store {
    table: Table,
}

/// One event and one of those who are told of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot<'a> {
    pub(crate) event_id: EventId,
    pub(crate) target: &'a Target,
    /// Of the contact that says where the target is.
    pub(crate) revision: u64,
}

/// What was sent to somebody, as they see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sent {
    /// What it says.
    #[serde(flatten)]
    pub told: NotificationSent,
    /// When it was sent, or given up.
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
struct Place {
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

    /// The id of what is sent; it sorts by the time of the event.
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

    /// As [`Store::contact`], at half the price and perhaps as it was a moment before.
    pub(crate) async fn contact_of_late(&self, id: UserId) -> Result<Option<Contact>, StoreError> {
        self.table.get_of_late(&contact_key(id)).await
    }

    /// Writes a contact, with what is written beside it; whether nobody else had written it since it was read.
    pub(crate) async fn write_contact(
        &self,
        id: UserId,
        before: Option<&Contact>,
        contact: &Contact,
        beside: Option<Write>,
    ) -> Result<bool, StoreError> {
        let put = Write::put(item(&contact_key(id), contact)?);
        let put = match before {
            Some(before) => put.only_if("#revision = :seen").with([number(":seen", before.revision)]),
            None => put.if_absent(),
        };
        match beside {
            Some(beside) => self.table.transact_if_allowed(vec![put, beside]).await,
            None => self.table.write_if_allowed(put).await,
        }
    }

    /// Whose a device is.
    pub(crate) async fn owner(&self, id: DeviceId) -> Result<Option<UserId>, StoreError> {
        Ok(self.table.get::<Owner>(&owner_key(id)).await?.map(|owner| owner.user_id))
    }

    /// The write that makes a device somebody's, if it was nobody's but theirs.
    pub(crate) fn own(id: DeviceId, user_id: UserId) -> Result<Write, StoreError> {
        let put = Write::put(item(&owner_key(id), &Owner { user_id })?);
        Ok(put.only_if("attribute_not_exists(pk) OR user_id = :user").with([text(":user", user_id)]))
    }

    /// The write that makes a device nobody's, if it is theirs.
    pub(crate) fn disowning(id: DeviceId, user_id: UserId) -> Write {
        let delete = Write::delete(owner_key(id));
        delete.only_if("attribute_not_exists(pk) OR user_id = :user").with([text(":user", user_id)])
    }

    /// Makes a device nobody's, if it is theirs.
    pub(crate) async fn disown(&self, id: DeviceId, user_id: UserId) -> Result<(), StoreError> {
        self.table.write_if_allowed(Self::disowning(id, user_id)).await.map(drop)
    }

    /// Claims a target that is to be told of an event.
    pub(crate) async fn claim(&self, slot: Slot<'_>, now: Timestamp) -> Result<Claim, StoreError> {
        let claimed_until = now.as_seconds() + CLAIM_SECONDS;
        let (first, grant) = Attempt::first(claimed_until);
        let claim = Expiring { item: first, expires_at: now.as_seconds() + REMEMBERED_SECONDS };
        let refusal = match self.table.transact(vec![Write::put(item(&slot.key(), &claim)?).if_absent()]).await {
            Ok(()) => return Ok(Claim::Granted(grant)),
            Err(TransactError::Store(error)) => return Err(error),
            Err(TransactError::Refused(refusal)) => refusal,
        };
        let found: Attempt = self.table.read(refusal.found(0).cloned().unwrap_or_default())?;
        let claim = found.claim(now, slot.revision);
        let Claim::Granted(grant) = claim else { return Ok(claim) };
        // It counts as unanswered until there is an answer, for the function may die before that.
        let again = Write::update(slot.key(), "SET claimed_until = :until, claims = :number, unanswered = :unanswered");
        let again = again.only_if("claims = :seen AND (attribute_not_exists(#ended) OR #ended <> :sent)").with([
            number(":until", claimed_until),
            number(":number", grant.number),
            number(":unanswered", grant.unanswered_after(Outcome::Unanswered)),
            number(":seen", found.claims),
            text(":sent", "sent"),
        ]);
        Ok(if self.table.transact_if_allowed(vec![again]).await? { claim } else { Claim::Held })
    }

    /// Gives a claim back, so that the next try need not wait for it; nothing, if it is another's by now.
    pub(crate) async fn release(&self, slot: Slot<'_>, grant: Grant) -> Result<(), StoreError> {
        let release = Write::update(slot.key(), "SET claimed_until = :long_ago, unanswered = :unanswered");
        let release = release.only_if("claims = :number").with([
            number(":long_ago", 0),
            number(":unanswered", grant.unanswered_after(Outcome::NotTaken)),
            number(":number", grant.number),
        ]);
        self.table.write_if_allowed(release).await.map(drop)
    }

    /// Marks how it ended, lists it and tells of it, all or nothing; only marks it if the account is gone by now. What had failed before
    /// and is sent now is told as the second event; what fails under a claim that is another's by now is that one's to tell.
    pub(crate) async fn end(
        &self,
        slot: Slot<'_>,
        grant: Grant,
        outcome: Outcome,
        told: NotificationSent,
        now: Timestamp,
        cause: &Cause,
    ) -> Result<(), StoreError> {
        let mark = mark(slot, grant, outcome, now);
        if grant.has_failed && told.status == NotificationStatus::Failed {
            return self.table.write_if_allowed(mark).await.map(drop);
        }
        let user = contact_key(told.user_id);
        let event = NotificationEvent::from(told.clone());
        let mut envelope = Envelope::new(event, told.notification_id, 1 + u64::from(grant.has_failed), now, cause);
        envelope.event_id = EventId::derived(told.notification_id, &format!("{:?}", told.status));
        let outbox = outbox_item_at(&Key::new(&user.pk, format!("EVENT#{}", envelope.event_id)), &envelope)?;
        let entry = Key::new(&user.pk, format!("NOTIFICATION#{}", told.notification_id));
        let listed = Expiring { item: Sent { told, at: now }, expires_at: now.as_seconds() + LISTED_SECONDS };
        let is_there = Write::check(user).only_if("attribute_exists(email)");
        let writes = vec![mark.clone(), Write::put(item(&entry, &listed)?), Write::put(outbox), is_there];
        match self.table.transact(writes).await {
            Ok(()) => Ok(()),
            Err(TransactError::Refused(_)) => self.table.write_if_allowed(mark).await.map(drop),
            Err(TransactError::Store(error)) => Err(error),
        }
    }

    /// A page of what was sent to somebody, newest first, and whether there is more.
    pub(crate) async fn sent_to(
        &self,
        user_id: UserId,
        after: Option<String>,
        limit: usize,
    ) -> Result<(Vec<Sent>, bool), StoreError> {
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

    /// Erases what was sent to somebody, and the events that told of it.
    pub(crate) async fn erase(&self, user_id: UserId) -> Result<(), StoreError> {
        let pk = contact_key(user_id).pk;
        for sk_prefix in ["NOTIFICATION#", "EVENT#"] {
            let found: Vec<Place> = self.table.all(&pk, sk_prefix).await?;
            let keys: Vec<Key> = found.into_iter().map(|place| Key::new(&pk, place.sk)).collect();
            self.table.delete_many(&keys).await?;
        }
        Ok(())
    }
}

/// What was sent was sent, whosever the claim is by now; that it failed is only said under one's own.
fn mark(slot: Slot<'_>, grant: Grant, outcome: Outcome, now: Timestamp) -> Write {
    let ended = |status| {
        let expires_at = now.as_seconds() + REMEMBERED_SECONDS;
        [text(":ended", status), number(":long_ago", 0), number(":expires", expires_at)]
    };
    let set = "SET #ended = :ended, claimed_until = :long_ago, expires_at = :expires";
    if outcome.status() == NotificationStatus::Sent {
        return Write::update(slot.key(), set).with(ended("sent"));
    }
    let unanswered = number(":unanswered", grant.unanswered_after(outcome));
    let values = ended("failed").into_iter().chain([unanswered, number(":number", grant.number)]);
    let (set, refused_at) = match outcome {
        Outcome::Refused => (
            format!("{set}, unanswered = :unanswered, refused_at = :revision"),
            Some(number(":revision", slot.revision)),
        ),
        _ => (format!("{set}, unanswered = :unanswered"), None),
    };
    Write::update(slot.key(), set).only_if("claims = :number").with(values).with(refused_at)
}
