//! Notifications: notifies customers about their accounts and orders by mail, text message and push message, each once.
//! A notification that fails does not affect the order.

pub mod api;
mod channels;
pub mod consumers;
mod devices;
mod dispatcher;
pub mod domain;
mod error;
pub mod samples;
mod store;
pub mod templates;

use aws_config::SdkConfig;
use contracts::NotificationKind;
use dynamo::{Table, Write};
use kernel::{NotificationId, UserId};
use lambda::env;

pub use crate::{
    channels::Push, dispatcher::NotificationDispatcher, error::NotificationsError, store::SentNotification,
};
use crate::{
    domain::{ChannelChoices, Contact, ContactDetails, PhoneNumber},
    store::Store,
};

/// The contacts of users, and the notifications that were sent to them.
pub struct Notifications {
    store: Store,
}

/// A change of the notification preferences of a user.
#[derive(Debug, Default)]
pub struct PreferencesUpdate {
    /// The new number, `Some(None)` to remove it, or `None` to leave it as it is.
    pub phone_number: Option<Option<PhoneNumber>>,
    /// The new choices, by type of event.
    pub choices: Vec<(NotificationKind, ChannelChoices)>,
}

/// The maximum number of attempts to change a contact that others change at the same time.
const MAX_ATTEMPTS: usize = 6;

impl Notifications {
    /// Connects to the table with the SDK configuration of the environment.
    ///
    /// # Errors
    /// If an environment variable is missing.
    pub fn connect(config: &SdkConfig) -> Result<Self, lambda::Error> {
        Ok(Self { store: Store::new(Table::connect(config, env("TABLE_NAME")?)) })
    }

    /// Returns the contact of a user, or the default one if no event of the user was received yet.
    ///
    /// # Errors
    /// If the account was deleted, or the table does not respond.
    pub async fn contact(&self, user_id: UserId) -> Result<Contact, NotificationsError> {
        let contact = self.store.contact(user_id).await?.unwrap_or_default();
        if contact.is_deleted() { Err(NotificationsError::UserDeleted) } else { Ok(contact) }
    }

    /// Changes the preferences of a user and returns the contact.
    ///
    /// # Errors
    /// If the account was deleted, others change the contact at the same time, or the table does not respond.
    pub async fn update_preferences(
        &self,
        user_id: UserId,
        update: &PreferencesUpdate,
    ) -> Result<Contact, NotificationsError> {
        let change = |contact: &mut Contact| {
            if contact.is_deleted() {
                return Err(NotificationsError::UserDeleted);
            }
            if let Some(phone_number) = &update.phone_number {
                contact.phone_number.clone_from(phone_number);
            }
            for (kind, choices) in &update.choices {
                contact.preferences.update(*kind, *choices);
            }
            Ok(())
        };
        self.change(user_id, change, || Ok(None)).await
    }

    /// Stores the name and address of a user, unless those of a newer event are stored.
    ///
    /// # Errors
    /// If others change the contact at the same time, or the table does not respond.
    pub async fn update_contact(
        &self,
        user_id: UserId,
        details: &ContactDetails,
        sequence: u64,
    ) -> Result<(), NotificationsError> {
        let update = |contact: &mut Contact| {
            contact.update_details(details.clone(), sequence);
            Ok(())
        };
        self.change(user_id, update, || Ok(None)).await.map(drop)
    }

    /// Erases all personal data of a user, also at SNS. It can be repeated.
    ///
    /// After the first step nothing more is written about the user. The devices are removed last, because they say what
    /// is still to be deleted.
    ///
    /// # Errors
    /// If others change the contact at the same time, or the table or SNS does not respond.
    pub async fn erase_user(&self, push: &Push, user_id: UserId, sequence: u64) -> Result<(), NotificationsError> {
        let erase = |contact: &mut Contact| {
            contact.erase(sequence);
            Ok(())
        };
        let contact = self.change(user_id, erase, || Ok(None)).await?;
        self.store.erase(user_id).await?;
        // A device that SNS does not delete must not prevent the deletion of the others.
        let mut erased = Ok(());
        for device in &contact.devices {
            erased = erased.and(self.erase_device(push, user_id, device).await);
        }
        erased
    }

    /// Returns a page of the notifications that were sent to a user, newest first, and the id of the last one if there
    /// are more.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn sent_to(
        &self,
        user_id: UserId,
        after: Option<String>,
        limit: usize,
    ) -> Result<(Vec<SentNotification>, Option<NotificationId>), NotificationsError> {
        let (sent, more) = self.store.sent_to(user_id, after, limit).await?;
        let next = sent.last().map(|last| last.notification.notification_id).filter(|_| more);
        Ok((sent, next))
    }

    /// Changes the contact of a user, together with an extra write, and returns it. Writes nothing if the contact does
    /// not change.
    async fn change(
        &self,
        user_id: UserId,
        change: impl Fn(&mut Contact) -> Result<(), NotificationsError>,
        extra: impl Fn() -> Result<Option<Write>, NotificationsError>,
    ) -> Result<Contact, NotificationsError> {
        for _ in 0..MAX_ATTEMPTS {
            let before = self.store.contact(user_id).await?;
            let mut contact = before.clone().unwrap_or_default();
            change(&mut contact)?;
            if before.as_ref() == Some(&contact) {
                return Ok(contact);
            }
            contact.revision += 1;
            if self.store.write_contact(user_id, before.as_ref(), &contact, extra()?).await? {
                return Ok(contact);
            }
        }
        Err(NotificationsError::Busy)
    }
}
