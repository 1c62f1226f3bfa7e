//! The notification settings of a user in responses. Numbers and tokens are masked, because others may see a response.

use std::collections::BTreeMap;

use contracts::{NotificationChannel as Channel, NotificationKind};
use kernel::{DeviceId, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use strum::VariantArray;

use crate::domain::{Contact, Device};

/// The notification settings of the caller.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NotificationPreferences")]
pub(super) struct PreferencesResponse<'a> {
    /// The number for text messages, masked.
    phone_number: Option<String>,
    /// The channels for each type of event.
    events: BTreeMap<&'static str, ChannelsResponse>,
    /// The devices for push notifications.
    devices: Vec<DeviceResponse<'a>>,
}

/// The channels by which the caller is notified of a type of event.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NotificationChannels")]
struct ChannelsResponse {
    email: bool,
    /// Requires a phone number.
    sms: bool,
    /// Requires a registered device.
    push: bool,
}

/// A device that receives push notifications.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Device")]
pub(super) struct DeviceResponse<'a> {
    id: DeviceId,
    name: &'a str,
    /// The last four characters of its token, masked.
    token: &'a str,
    created_at: Timestamp,
}

impl<'a> From<&'a Contact> for PreferencesResponse<'a> {
    fn from(contact: &'a Contact) -> Self {
        let channels = |kind| {
            let wants = |channel| contact.preferences.wants(kind, channel);
            ChannelsResponse { email: wants(Channel::Email), sms: wants(Channel::Sms), push: wants(Channel::Push) }
        };
        Self {
            phone_number: contact.phone_number.as_ref().map(|number| number.masked()),
            events: NotificationKind::VARIANTS.iter().map(|kind| (kind.into(), channels(*kind))).collect(),
            devices: contact.devices.iter().map(DeviceResponse::from).collect(),
        }
    }
}

impl<'a> From<&'a Device> for DeviceResponse<'a> {
    fn from(device: &'a Device) -> Self {
        let Device { id, name, token, created_at, .. } = device;
        Self { id: *id, name: name.expose(), token, created_at: *created_at }
    }
}

/// The example of a user who gets text messages when an order ships.
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

/// The example of a device.
pub(super) fn device_example() -> Value {
    json!({
        "id": "64657669-6365-7f3a-9c55-0b6a2f6d1c77",
        "name": "My phone",
        "token": "****RYqx",
        "created_at": "2026-11-21T06:30:31.000Z",
    })
}
