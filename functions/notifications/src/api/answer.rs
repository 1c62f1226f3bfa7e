//! How somebody is reached, as they see it: no number and no token as a whole, for the answer may be somewhere where others read it.

use std::collections::BTreeMap;

use contracts::NotificationChannel as Channel;
use kernel::{DeviceId, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::domain::{Contact, Device, KINDS};

/// How the caller is told of what.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NotificationPreferences")]
pub(super) struct PreferencesAnswer<'a> {
    /// Where text messages go, as much of it as is shown.
    phone_number: Option<String>,
    /// By type of event: which channels tell of it.
    events: BTreeMap<&'static str, ChannelsAnswer>,
    /// What takes push messages.
    devices: Vec<DeviceAnswer<'a>>,
}

/// Which channels tell of a type of event.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NotificationChannels")]
struct ChannelsAnswer {
    email: bool,
    /// It needs a phone number.
    sms: bool,
    /// It needs a device.
    push: bool,
}

/// A device that takes push messages.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Device")]
pub(super) struct DeviceAnswer<'a> {
    id: DeviceId,
    name: &'a str,
    /// The end of its token.
    token: &'a str,
    created_at: Timestamp,
}

impl<'a> From<&'a Contact> for PreferencesAnswer<'a> {
    fn from(contact: &'a Contact) -> Self {
        let channels = |kind| {
            let wants = |channel| contact.preferences.wants(kind, channel);
            ChannelsAnswer { email: wants(Channel::Email), sms: wants(Channel::Sms), push: wants(Channel::Push) }
        };
        Self {
            phone_number: contact.phone_number.as_ref().map(|number| number.masked()),
            events: KINDS.into_iter().map(|(kind, name)| (name, channels(kind))).collect(),
            devices: contact.devices.iter().map(DeviceAnswer::from).collect(),
        }
    }
}

impl<'a> From<&'a Device> for DeviceAnswer<'a> {
    fn from(device: &'a Device) -> Self {
        let Device { id, name, token, created_at, .. } = device;
        Self { id: *id, name: name.expose(), token, created_at: *created_at }
    }
}

/// Somebody who wants text messages when something is shipped.
pub(super) fn example() -> Value {
    let mail = json!({ "email": true, "sms": false, "push": true });
    let payment = json!({ "email": false, "sms": false, "push": true });
    json!({
        "phone_number": "+49*****67",
        "events": {
            "user_registered": { "email": true, "sms": false, "push": false },
            "order_placed": mail,
            "payment_processed": payment,
            "payment_failed": payment,
            "order_confirmed": mail,
            "order_shipped": { "email": true, "sms": true, "push": true },
            "order_cancelled": mail,
            "order_refunded": mail,
        },
        "devices": [device_example()],
    })
}

/// One of their devices.
pub(super) fn device_example() -> Value {
    json!({
        "id": "64657669-6365-7f3a-9c55-0b6a2f6d1c77",
        "name": "My phone",
        "token": "****RYqx",
        "created_at": "2026-11-21T06:30:31.000Z",
    })
}
