//! Notifications: customers are told of what becomes of them and of their orders, by mail, text message and push message, each once. The
//! order stands, whatever becomes of its news.

pub mod api;
mod channels;
pub mod consumers;
mod devices;
pub mod domain;
mod error;
pub mod samples;
mod store;
mod teller;
pub mod templates;

use aws_config::SdkConfig;
use contracts::NotificationKind;
use dynamo::{Table, Write};
use kernel::{NotificationId, UserId};
use lambda::env;

pub use crate::{channels::Push, error::NotificationsError, store::Sent, teller::Teller};
use crate::{
    domain::{Choices, Contact, PhoneNumber, Reached},
    store::Store,
};

/// What is known of users, and what was sent to them.
pub struct Notifications {
    store: Store,
}

/// What somebody changes in how they want to be reached.
#[derive(Debug, Default)]
pub struct Wishes {
    /// Another number, or none; nothing, if it stays.
    pub phone_number: Option<Option<PhoneNumber>>,
    /// What was chosen.
    pub choices: Vec<(NotificationKind, Choices)>,
}

/// How often others may come between a read and a write.
const TRIES: usize = 6;

impl Notifications {
    /// Over the environment's one configuration.
    ///
    /// # Errors
    /// When the template did not set a variable.
    pub fn connect(config: &SdkConfig) -> Result<Self, lambda::Error> {
        Ok(Self { store: Store::new(Table::connect(config, env("TABLE_NAME")?)) })
    }

    /// How the user is reached; as everybody, before they are heard of.
    ///
    /// # Errors
    /// When the account is gone, or the store does not answer.
    pub async fn contact(&self, user_id: UserId) -> Result<Contact, NotificationsError> {
        let contact = self.store.contact(user_id).await?.unwrap_or_default();
        if contact.is_gone() { Err(NotificationsError::Gone) } else { Ok(contact) }
    }

    /// Takes in how the user wants to be reached; all of it, as it is then.
    ///
    /// # Errors
    /// As there.
    pub async fn choose(&self, user_id: UserId, wishes: &Wishes) -> Result<Contact, NotificationsError> {
        let choose = |contact: &mut Contact| {
            if contact.is_gone() {
                return Err(NotificationsError::Gone);
            }
            if let Some(phone_number) = &wishes.phone_number {
                contact.phone_number.clone_from(phone_number);
            }
            for (kind, choices) in &wishes.choices {
                contact.preferences.choose(*kind, *choices);
            }
            Ok(())
        };
        self.change(user_id, choose, || Ok(None)).await
    }

    /// Keeps how a user is reached, unless something newer is known.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn remember(&self, user_id: UserId, reached: &Reached, sequence: u64) -> Result<(), NotificationsError> {
        let hear = |contact: &mut Contact| {
            contact.hear(reached.clone(), sequence);
            Ok(())
        };
        self.change(user_id, hear, || Ok(None)).await.map(drop)
    }

    /// Erases all that is personal of a user, at SNS too; once more, if it was done before.
    ///
    /// Nothing is written of them from the first step on. The devices go last, for it is by them that the rest is found again.
    ///
    /// # Errors
    /// When the store or SNS does not answer.
    pub async fn forget(&self, push: &Push, user_id: UserId, sequence: u64) -> Result<(), NotificationsError> {
        let forget = |contact: &mut Contact| {
            contact.forget(sequence);
            Ok(())
        };
        let contact = self.change(user_id, forget, || Ok(None)).await?;
        self.store.erase(user_id).await?;
        // One that SNS does not forget must not keep the others.
        let mut forgotten = Ok(());
        for device in &contact.devices {
            forgotten = forgotten.and(self.erase_device(push, user_id, device).await);
        }
        forgotten
    }

    /// A page of what was sent to a user, newest first; the id of the last one, if there are more.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn sent_to(
        &self,
        user_id: UserId,
        after: Option<String>,
        limit: usize,
    ) -> Result<(Vec<Sent>, Option<NotificationId>), NotificationsError> {
        let (sent, more) = self.store.sent_to(user_id, after, limit).await?;
        let next = sent.last().map(|last| last.told.notification_id).filter(|_| more);
        Ok((sent, next))
    }

    /// Changes what is known of a user, and writes something beside it; writes nothing where nothing changes. The contact as it is then.
    async fn change(
        &self,
        user_id: UserId,
        change: impl Fn(&mut Contact) -> Result<(), NotificationsError>,
        beside: impl Fn() -> Result<Option<Write>, NotificationsError>,
    ) -> Result<Contact, NotificationsError> {
        for _ in 0..TRIES {
            let before = self.store.contact(user_id).await?;
            let mut contact = before.clone().unwrap_or_default();
            change(&mut contact)?;
            if before.as_ref() == Some(&contact) {
                return Ok(contact);
            }
            contact.revision += 1;
            if self.store.write_contact(user_id, before.as_ref(), &contact, beside()?).await? {
                return Ok(contact);
            }
        }
        Err(NotificationsError::Busy)
    }
}
