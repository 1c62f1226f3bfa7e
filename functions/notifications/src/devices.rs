//! The devices that take push messages. A device has one owner: who logs in on it and registers it takes it over.

use kernel::{DeviceId, Redacted, Text, Timestamp, UserId};

use crate::{
    Notifications, NotificationsError, Push,
    domain::{Contact, Device, mask_token},
    store::Store,
};

/// A device to be registered.
#[derive(Debug)]
pub struct Registration {
    /// By what its platform knows it.
    pub token: Redacted<String>,
    /// What its owner calls it.
    pub name: Redacted<Text<1, 60>>,
}

impl Notifications {
    /// Makes a device the user's own, whosever it was; the same device each time.
    ///
    /// # Errors
    /// When the shop sends no push messages, the token is none, there are too many, or somebody does not answer.
    pub async fn register_device(
        &self,
        push: &Push,
        user_id: UserId,
        wanted: &Registration,
        now: Timestamp,
    ) -> Result<Device, NotificationsError> {
        if !push.is_on() {
            return Err(NotificationsError::PushIsOff);
        }
        let id = DeviceId::derived("device", wanted.token.expose());
        let device = |endpoint| Device {
            id,
            name: wanted.name.clone(),
            token: mask_token(wanted.token.expose()),
            endpoint,
            created_at: now,
        };
        let add = |contact: &mut Contact, endpoint| match contact.is_gone() {
            true => Err(NotificationsError::Gone),
            false if contact.add(device(endpoint)) => Ok(()),
            false => Err(NotificationsError::TooManyDevices),
        };
        // Refused before SNS knows of it.
        add(&mut self.contact(user_id).await?, String::new())?;
        if let Some(other) = self.store.owner(id).await?.filter(|owner| *owner != user_id) {
            self.take_out(other, id).await?;
        }
        let endpoint = push.register(&wanted.token).await?;
        let contact = self
            .change(user_id, |contact| add(contact, endpoint.clone()), || Ok(Some(Store::own(id, user_id)?)))
            .await?;
        contact.devices.into_iter().find(|device| device.id == id).ok_or(NotificationsError::NoDevice)
    }

    /// Forgets a device of the user, at SNS first.
    ///
    /// # Errors
    /// When the user has no such device, or somebody does not answer.
    pub async fn remove_device(&self, push: &Push, user_id: UserId, id: DeviceId) -> Result<(), NotificationsError> {
        let contact = self.store.contact(user_id).await?.unwrap_or_default();
        let device = contact.devices.into_iter().find(|device| device.id == id).ok_or(NotificationsError::NoDevice)?;
        push.forget(&device.endpoint).await?;
        self.take_out(user_id, id).await
    }

    /// Takes a device from the user.
    async fn take_out(&self, user_id: UserId, id: DeviceId) -> Result<(), NotificationsError> {
        let take_out = |contact: &mut Contact| {
            contact.remove(id);
            Ok(())
        };
        self.change(user_id, take_out, || Ok(Some(Store::disown(id, user_id)))).await.map(drop)
    }
}
