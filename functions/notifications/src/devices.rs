//! The devices that take push messages. A device has one owner: who logs in on it and registers it takes it over.
//!
//! A device is made at SNS before it is somebody's, and forgotten there once it is nobody's. A function that dies in between leaves an
//! endpoint to which nothing is sent, and which the next who registers its token takes up. Who registers a device in the moment in which
//! another function forgets it may be left with an endpoint that is gone: the next push message finds that out.

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
        let endpoint = push.register(&wanted.token).await?;
        let registered = async {
            if let Some(other) = self.store.owner(id).await?.filter(|owner| *owner != user_id) {
                self.take_out(other, id, None).await?;
            }
            let own = || Ok(Some(Store::own(id, user_id)?));
            self.change(user_id, |contact| add(contact, endpoint.clone()), own).await
        };
        match registered.await {
            Ok(contact) => {
                contact.devices.into_iter().find(|device| device.id == id).ok_or(NotificationsError::NoDevice)
            }
            Err(error) => {
                if let Err(left) = self.forget_if_nobodys(push, id, &endpoint).await {
                    tracing::warn!(error = %left, "an endpoint of nobody's is left at SNS");
                }
                Err(error)
            }
        }
    }

    /// Takes a device from the user, and has SNS forget it.
    ///
    /// # Errors
    /// When the user has no such device, or somebody does not answer.
    pub async fn remove_device(&self, push: &Push, user_id: UserId, id: DeviceId) -> Result<(), NotificationsError> {
        let contact = self.store.contact(user_id).await?.unwrap_or_default();
        let device = contact.devices.into_iter().find(|device| device.id == id).ok_or(NotificationsError::NoDevice)?;
        self.drop_device(push, user_id, &device).await
    }

    /// Takes a device from the user, unless it has another endpoint by now, and has SNS forget it.
    pub(crate) async fn drop_device(
        &self,
        push: &Push,
        user_id: UserId,
        device: &Device,
    ) -> Result<(), NotificationsError> {
        self.take_out(user_id, device.id, Some(&device.endpoint)).await?;
        self.forget_if_nobodys(push, device.id, &device.endpoint).await
    }

    /// Has SNS forget a device of somebody whose account is gone. It is taken out of what is left of them at last: until then it says what
    /// is still to be done.
    pub(crate) async fn erase_device(
        &self,
        push: &Push,
        user_id: UserId,
        device: &Device,
    ) -> Result<(), NotificationsError> {
        self.store.disown(device.id, user_id).await?;
        self.forget_if_nobodys(push, device.id, &device.endpoint).await?;
        let take_out = |contact: &mut Contact| {
            contact.remove(device.id);
            Ok(())
        };
        self.change(user_id, take_out, || Ok(None)).await.map(drop)
    }

    /// Takes a device from the user; only if it is still the one with the endpoint that was seen, if one was.
    async fn take_out(&self, user_id: UserId, id: DeviceId, seen: Option<&str>) -> Result<(), NotificationsError> {
        let is_it = |device: &Device| device.id == id && seen.is_none_or(|seen| device.endpoint == seen);
        let take_out = |contact: &mut Contact| {
            if contact.devices.iter().any(is_it) {
                contact.remove(id);
            }
            Ok(())
        };
        self.change(user_id, take_out, || Ok(Some(Store::disowning(id, user_id)))).await.map(drop)
    }

    async fn forget_if_nobodys(&self, push: &Push, id: DeviceId, endpoint: &str) -> Result<(), NotificationsError> {
        match self.store.owner(id).await? {
            Some(_) => Ok(()),
            None => push.forget(endpoint).await,
        }
    }
}
