//! How a user can be reached, and by which channels they want to be notified.

use contracts::{NotificationChannel as Channel, NotificationKind as Kind};
use kernel::{DeviceId, Email, Redacted, Text, Timestamp};
use serde::{Deserialize, Serialize};

use super::{PhoneNumber, Preferences, mask_email};

/// The maximum number of devices of a user.
pub const MAX_DEVICES: usize = 10;

/// The contact of a user. It has no personal data once the account is deleted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Contact {
    /// Absent until the first event of the user is received, and after the account is deleted.
    #[serde(flatten)]
    pub details: Option<ContactDetails>,
    /// The number for text messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<PhoneNumber>,
    /// The channels that the user has chosen.
    #[serde(default)]
    pub preferences: Preferences,
    /// The devices for push messages, oldest first.
    #[serde(default)]
    pub devices: Vec<Device>,
    /// The sequence of the newest event of the user; 0 if none was received.
    pub sequence: u64,
    /// The number of writes of this item.
    #[serde(default)]
    pub revision: u64,
}

/// The address and the name of a user, replicated from the events of users.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContactDetails {
    /// The address for mails.
    pub email: Email,
    /// The name in the greeting.
    pub name: Redacted<String>,
}

/// A device that receives push messages. Only SNS stores its token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Device {
    /// Derived from the token.
    pub id: DeviceId,
    /// The name that its owner gave it.
    pub name: Redacted<Text<1, 60>>,
    /// The masked token.
    pub token: String,
    /// The ARN of its endpoint at SNS.
    pub endpoint: String,
    /// When the user registered it.
    pub created_at: Timestamp,
}

/// An address that receives the notification of an event.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// An email address.
    Email(Email),
    /// A phone number.
    Sms(PhoneNumber),
    /// A device.
    Push(Device),
}

impl ContactDetails {
    /// Creates the details of a user, who is greeted by the full name if there is one.
    pub fn new(email: &Email, username: &Redacted<String>, full_name: Option<&Redacted<String>>) -> Self {
        Self { email: email.clone(), name: full_name.unwrap_or(username).clone() }
    }
}

impl Contact {
    /// Whether the account was deleted.
    pub fn is_deleted(&self) -> bool {
        self.details.is_none() && self.sequence > 0
    }

    /// Replaces the details, unless they come from an older event; returns whether it did.
    pub fn update_details(&mut self, details: ContactDetails, sequence: u64) -> bool {
        let is_newer = sequence > self.sequence;
        if is_newer {
            (self.details, self.sequence) = (Some(details), sequence);
        }
        is_newer
    }

    /// Erases all personal data except the devices, whose endpoints are still to be deleted at SNS.
    pub fn erase(&mut self, sequence: u64) {
        let devices = std::mem::take(&mut self.devices);
        let sequence = sequence.max(self.sequence);
        *self = Self { devices, sequence, revision: self.revision, ..Self::default() };
    }

    /// Adds a device, or replaces the one with the same id; returns false if the user has too many devices.
    pub fn add_device(&mut self, device: Device) -> bool {
        let has_room = self.devices.len() < MAX_DEVICES;
        match self.devices.iter_mut().find(|known| known.id == device.id) {
            Some(known) => *known = Device { created_at: known.created_at, ..device },
            None if has_room => self.devices.push(device),
            None => return false,
        }
        true
    }

    /// Removes a device and returns it, if the user has it.
    pub fn remove_device(&mut self, id: DeviceId) -> Option<Device> {
        let at = self.devices.iter().position(|device| device.id == id)?;
        Some(self.devices.remove(at))
    }

    /// Returns the addresses that receive notifications of this kind.
    pub fn targets(&self, kind: Kind) -> Vec<Target> {
        let wants = |channel| self.preferences.wants(kind, channel);
        let details = self.details.as_ref().filter(|_| wants(Channel::Email));
        let email = details.map(|details| Target::Email(details.email.clone()));
        let sms = self.phone_number.clone().filter(|_| wants(Channel::Sms)).map(Target::Sms);
        let devices = self.devices.iter().filter(|_| wants(Channel::Push)).cloned().map(Target::Push);
        email.into_iter().chain(sms).chain(devices).collect()
    }
}

impl Target {
    /// Returns the channel of the target.
    pub fn channel(&self) -> Channel {
        match self {
            Self::Email(_) => Channel::Email,
            Self::Sms(_) => Channel::Sms,
            Self::Push(_) => Channel::Push,
        }
    }

    /// Identifies the target among those of its user, also after a change of the address, so that it receives each
    /// event once.
    pub fn slot(&self) -> String {
        match self {
            Self::Email(_) => "EMAIL".to_owned(),
            Self::Sms(_) => "SMS".to_owned(),
            Self::Push(device) => format!("PUSH#{}", device.id),
        }
    }

    /// Returns the masked address.
    pub fn masked(&self) -> String {
        match self {
            Self::Email(address) => mask_email(address.expose()),
            Self::Sms(number) => number.masked(),
            Self::Push(device) => device.token.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::ChannelChoices, *};

    fn ada() -> ContactDetails {
        ContactDetails { email: "ada@example.com".parse().expect("an address"), name: Redacted::new("Ada".to_owned()) }
    }

    fn device(token: &str) -> Device {
        Device {
            id: DeviceId::derived("devices", token),
            name: Redacted::new("Phone".parse().expect("a name")),
            token: format!("****{token}"),
            endpoint: format!("arn:{token}"),
            created_at: Timestamp::from_millis(0),
        }
    }

    fn known() -> Contact {
        let mut contact = Contact { phone_number: "+491511234567".parse().ok(), ..Contact::default() };
        assert!(contact.update_details(ada(), 1));
        assert!(contact.add_device(device("one")) && contact.add_device(device("two")));
        contact
    }

    #[test]
    fn targets_are_the_addresses_of_the_chosen_channels() {
        let mut contact = known();
        let slots = |contact: &Contact, kind| contact.targets(kind).iter().map(Target::slot).collect::<Vec<_>>();
        assert_eq!(slots(&contact, Kind::UserRegistered), ["EMAIL"]);
        assert_eq!(slots(&contact, Kind::OrderShipped).len(), 3, "a mail and two devices");
        contact
            .preferences
            .update(Kind::OrderShipped, ChannelChoices { sms: Some(true), push: Some(false), email: Some(false) });
        assert_eq!(slots(&contact, Kind::OrderShipped), ["SMS"]);
        contact.phone_number = None;
        assert!(slots(&contact, Kind::OrderShipped).is_empty());
    }

    #[test]
    fn an_older_event_changes_nothing() {
        let mut contact = known();
        let later = ContactDetails { email: "countess@example.com".parse().expect("an address"), ..ada() };
        assert!(contact.update_details(later.clone(), 3));
        assert!(!contact.update_details(ada(), 2) && !contact.update_details(ada(), 3));
        assert_eq!(contact.details, Some(later));
    }

    #[test]
    fn erasing_a_contact_leaves_only_its_devices_and_no_older_event_restores_it() {
        let mut contact = known();
        contact.erase(4);
        assert!(contact.is_deleted() && !contact.update_details(ada(), 4));
        assert_eq!((&contact.phone_number, contact.devices.len()), (&None, 2));
        assert!(!Contact::default().is_deleted(), "an unknown user is not a deleted one");
    }

    #[test]
    fn a_device_is_listed_once_and_there_are_at_most_ten() {
        let mut contact = known();
        assert!(contact.add_device(Device { token: "****new".to_owned(), ..device("one") }));
        assert_eq!((contact.devices.len(), contact.devices[0].token.as_str()), (2, "****new"));
        for number in 2..MAX_DEVICES {
            assert!(contact.add_device(device(&number.to_string())));
        }
        assert!(!contact.add_device(device("eleven")) && contact.add_device(device("two")));
        assert!(contact.remove_device(device("two").id).is_some() && contact.remove_device(device("two").id).is_none());
    }
}
