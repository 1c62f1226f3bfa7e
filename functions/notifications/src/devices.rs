//! The devices that receive push messages. A device belongs to the user who registered it last.
//!
//! An endpoint is created at SNS before the device is assigned to a user, and deleted there after no user has the
//! device any more. A function that dies in between leaves an endpoint to which nothing is sent, and which the next
//! registration of its token reuses. A registration at the moment when another function deletes the endpoint may store
//! an endpoint that no longer exists; the next push message detects that.

use kernel::{DeviceId, Redacted, Text, Timestamp, UserId};

use crate::{
    Notifications, NotificationsError, Push,
    domain::{Contact, Device, mask_token},
    store::Store,
};

/// The registration of a device.
#[derive(Debug)]
pub struct DeviceRegistration {
    /// The token that its platform has given it.
    pub token: Redacted<String>,
    /// The name that its owner gives it.
    pub name: Redacted<Text<1, 60>>,
}

impl Notifications {
    /// Registers a device for a user, whoever had it before. The same token is always the same device.
    ///
    /// # Errors
    /// If the shop sends no push messages, the platform does not know the token, the user has too many devices or was
    /// deleted, others change the contact at the same time, or the table or SNS does not respond.
    pub async fn register_device(
        &self,
        push: &Push,
        user_id: UserId,
        registration: &DeviceRegistration,
        now: Timestamp,
    ) -> Result<Device, NotificationsError> {
        if !push.is_enabled() {
            return Err(NotificationsError::PushDisabled);
        }
        let id = DeviceId::derived("device", registration.token.expose());
        let device = |endpoint| Device {
            id,
            name: registration.name.clone(),
            token: mask_token(registration.token.expose()),
            endpoint,
            created_at: now,
        };
        let add = |contact: &mut Contact, endpoint| match contact.is_deleted() {
            true => Err(NotificationsError::UserDeleted),
            false if contact.add_device(device(endpoint)) => Ok(()),
            false => Err(NotificationsError::TooManyDevices),
        };
        // Checked before an endpoint is created at SNS.
        add(&mut self.contact(user_id).await?, String::new())?;
        let endpoint = push.register(&registration.token).await?;
        let registered = async {
            if let Some(other) = self.store.owner(id).await?.filter(|owner| *owner != user_id) {
                self.detach_device(other, id, None).await?;
            }
            let assign = || Ok(Some(Store::assign_write(id, user_id)?));
            self.change(user_id, |contact| add(contact, endpoint.clone()), assign).await
        };
        match registered.await {
            Ok(contact) => {
                contact.devices.into_iter().find(|device| device.id == id).ok_or(NotificationsError::NoDevice)
            }
            Err(error) => {
                if let Err(cleanup_error) = self.delete_endpoint_if_unassigned(push, id, &endpoint).await {
                    tracing::warn!(error = %cleanup_error, "an unassigned endpoint is left at SNS");
                }
                Err(error)
            }
        }
    }

    /// Removes a device of a user, and its endpoint at SNS.
    ///
    /// # Errors
    /// If the user has no such device, others change the contact at the same time, or the table or SNS does not
    /// respond.
    pub async fn remove_device(&self, push: &Push, user_id: UserId, id: DeviceId) -> Result<(), NotificationsError> {
        let contact = self.store.contact(user_id).await?.unwrap_or_default();
        let device = contact.devices.into_iter().find(|device| device.id == id).ok_or(NotificationsError::NoDevice)?;
        self.unregister_device(push, user_id, &device).await
    }

    /// Removes a device of a user, unless it has another endpoint by now, and its endpoint at SNS.
    pub(crate) async fn unregister_device(
        &self,
        push: &Push,
        user_id: UserId,
        device: &Device,
    ) -> Result<(), NotificationsError> {
        self.detach_device(user_id, device.id, Some(&device.endpoint)).await?;
        self.delete_endpoint_if_unassigned(push, device.id, &device.endpoint).await
    }

    /// Erases a device of a deleted account, also at SNS. It is removed from the contact last, because until then the
    /// contact says what is still to be deleted.
    pub(crate) async fn erase_device(
        &self,
        push: &Push,
        user_id: UserId,
        device: &Device,
    ) -> Result<(), NotificationsError> {
        self.store.unassign(device.id, user_id).await?;
        self.delete_endpoint_if_unassigned(push, device.id, &device.endpoint).await?;
        let remove = |contact: &mut Contact| {
            contact.remove_device(device.id);
            Ok(())
        };
        self.change(user_id, remove, || Ok(None)).await.map(drop)
    }

    /// Removes a device from the contact of a user. If `endpoint` is given, only a device with this endpoint is
    /// removed.
    async fn detach_device(
        &self,
        user_id: UserId,
        id: DeviceId,
        endpoint: Option<&str>,
    ) -> Result<(), NotificationsError> {
        let matches = |device: &Device| device.id == id && endpoint.is_none_or(|endpoint| device.endpoint == endpoint);
        let remove = |contact: &mut Contact| {
            if contact.devices.iter().any(matches) {
                contact.remove_device(id);
            }
            Ok(())
        };
        self.change(user_id, remove, || Ok(Some(Store::unassign_write(id, user_id)))).await.map(drop)
    }

    async fn delete_endpoint_if_unassigned(
        &self,
        push: &Push,
        id: DeviceId,
        endpoint: &str,
    ) -> Result<(), NotificationsError> {
        match self.store.owner(id).await? {
            Some(_) => Ok(()),
            None => push.delete_endpoint(endpoint).await,
        }
    }
}
