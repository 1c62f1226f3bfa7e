//! How a user is reached, and how they want to be.

use contracts::{NotificationChannel as Channel, NotificationKind as Kind};
use kernel::{DeviceId, Email, Redacted, Text, Timestamp};
use serde::{Deserialize, Serialize};

use super::{PhoneNumber, Preferences, mask_email};

/// How many devices somebody may have.
pub const MOST_DEVICES: usize = 10;

/// What is known of a user: nothing that is personal, once they are gone.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Contact {
    /// Nothing, before they are heard of and after they are gone.
    #[serde(flatten)]
    pub reached: Option<Reached>,
    /// Where text messages go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<PhoneNumber>,
    /// What they have chosen.
    #[serde(default)]
    pub preferences: Preferences,
    /// What takes push messages, the oldest first.
    #[serde(default)]
    pub devices: Vec<Device>,
    /// The newest that was heard of the user; 0 before anything was.
    pub sequence: u64,
    /// Counts the writes.
    #[serde(default)]
    pub revision: u64,
}

/// By which name and address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reached {
    /// Where mail goes.
    pub email: Email,
    /// How they are addressed.
    pub name: Redacted<String>,
}

/// A device that takes push messages. Its token is at SNS alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Device {
    /// It follows from the token.
    pub id: DeviceId,
    /// What its owner calls it.
    pub name: Redacted<Text<1, 60>>,
    /// As much of its token as may be shown.
    pub token: String,
    /// What SNS calls it.
    pub endpoint: String,
    /// Since when it is known.
    pub created_at: Timestamp,
}

/// One address that is told of one event.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// A mailbox.
    Email(Email),
    /// A telephone.
    Sms(PhoneNumber),
    /// A device.
    Push(Device),
}

impl Reached {
    /// Somebody who is addressed by their full name, if they gave one.
    pub fn new(email: &Email, username: &Redacted<String>, full_name: Option<&Redacted<String>>) -> Self {
        Self { email: email.clone(), name: full_name.unwrap_or(username).clone() }
    }
}

impl Contact {
    /// Whether the account was deleted: nothing is kept of them any more.
    pub fn is_gone(&self) -> bool {
        self.reached.is_none() && self.sequence > 0
    }

    /// Takes in what was heard of the user; whether it is news.
    pub fn hear(&mut self, reached: Reached, sequence: u64) -> bool {
        let is_news = sequence > self.sequence;
        if is_news {
            (self.reached, self.sequence) = (Some(reached), sequence);
        }
        is_news
    }

    /// Forgets all that is personal, but for the devices, which are still to be forgotten elsewhere.
    pub fn forget(&mut self, sequence: u64) {
        let devices = std::mem::take(&mut self.devices);
        let sequence = sequence.max(self.sequence);
        *self = Self { devices, sequence, revision: self.revision, ..Self::default() };
    }

    /// Takes a device in, in the place of what it was before; whether there was room.
    pub fn add(&mut self, device: Device) -> bool {
        let room = self.devices.len() < MOST_DEVICES;
        match self.devices.iter_mut().find(|known| known.id == device.id) {
            Some(known) => *known = Device { created_at: known.created_at, ..device },
            None if room => self.devices.push(device),
            None => return false,
        }
        true
    }

    /// Takes a device out, if it is there.
    pub fn remove(&mut self, id: DeviceId) -> Option<Device> {
        let at = self.devices.iter().position(|device| device.id == id)?;
        Some(self.devices.remove(at))
    }

    /// Where an event of this kind is told.
    pub fn targets(&self, kind: Kind) -> Vec<Target> {
        let wants = |channel| self.preferences.wants(kind, channel);
        let email = self.reached.as_ref().filter(|_| wants(Channel::Email)).map(|at| Target::Email(at.email.clone()));
        let sms = self.phone_number.clone().filter(|_| wants(Channel::Sms)).map(Target::Sms);
        let devices = self.devices.iter().filter(|_| wants(Channel::Push)).cloned().map(Target::Push);
        email.into_iter().chain(sms).chain(devices).collect()
    }
}

impl Target {
    /// The way to it.
    pub fn channel(&self) -> Channel {
        match self {
            Self::Email(_) => Channel::Email,
            Self::Sms(_) => Channel::Sms,
            Self::Push(_) => Channel::Push,
        }
    }

    /// What tells it from the user's others, whatever their address becomes: an event is told to each once.
    pub fn slot(&self) -> String {
        match self {
            Self::Email(_) => "EMAIL".to_owned(),
            Self::Sms(_) => "SMS".to_owned(),
            Self::Push(device) => format!("PUSH#{}", device.id),
        }
    }

    /// As much of it as may be shown.
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
    use super::{super::Choices, *};

    fn ada() -> Reached {
        Reached { email: "ada@example.com".parse().expect("an address"), name: Redacted::new("Ada".to_owned()) }
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
        assert!(contact.hear(ada(), 1));
        assert!(contact.add(device("one")) && contact.add(device("two")));
        contact
    }

    #[test]
    fn each_address_that_is_wanted_is_a_target() {
        let mut contact = known();
        let slots = |contact: &Contact, kind| contact.targets(kind).iter().map(Target::slot).collect::<Vec<_>>();
        assert_eq!(slots(&contact, Kind::UserRegistered), ["EMAIL"]);
        assert_eq!(slots(&contact, Kind::OrderShipped).len(), 3, "a mail and two devices");
        contact
            .preferences
            .choose(Kind::OrderShipped, Choices { sms: Some(true), push: Some(false), email: Some(false) });
        assert_eq!(slots(&contact, Kind::OrderShipped), ["SMS"]);
        contact.phone_number = None;
        assert!(slots(&contact, Kind::OrderShipped).is_empty());
    }

    #[test]
    fn news_that_is_old_changes_nothing() {
        let mut contact = known();
        let later = Reached { email: "countess@example.com".parse().expect("an address"), ..ada() };
        assert!(contact.hear(later.clone(), 3));
        assert!(!contact.hear(ada(), 2) && !contact.hear(ada(), 3));
        assert_eq!(contact.reached, Some(later));
    }

    #[test]
    fn of_who_is_gone_only_the_devices_are_left_and_no_older_news_brings_them_back() {
        let mut contact = known();
        contact.forget(4);
        assert!(contact.is_gone() && !contact.hear(ada(), 4));
        assert_eq!((&contact.phone_number, contact.devices.len()), (&None, 2));
        assert!(!Contact::default().is_gone(), "who was never heard of is not gone");
    }

    #[test]
    fn a_device_is_there_once_and_no_more_than_ten_are() {
        let mut contact = known();
        assert!(contact.add(Device { token: "****new".to_owned(), ..device("one") }));
        assert_eq!((contact.devices.len(), contact.devices[0].token.as_str()), (2, "****new"));
        for number in 2..MOST_DEVICES {
            assert!(contact.add(device(&number.to_string())));
        }
        assert!(!contact.add(device("eleven")) && contact.add(device("two")));
        assert!(contact.remove(device("two").id).is_some() && contact.remove(device("two").id).is_none());
    }
}
