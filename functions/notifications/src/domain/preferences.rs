//! Which channels notify a user of which types of events.

use std::collections::BTreeMap;

use contracts::{NotificationChannel as Channel, NotificationKind as Kind};
use serde::{Deserialize, Serialize};

/// The channels that a user has chosen for one type of event. For a channel without a choice, the default holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelChoices {
    /// Whether to send mails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<bool>,
    /// Whether to send text messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sms: Option<bool>,
    /// Whether to send push messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push: Option<bool>,
}

/// The choices of a user, by the names of the types of events.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Preferences(BTreeMap<String, ChannelChoices>);

impl Preferences {
    /// Updates the choices for one type of event. Channels without a new choice do not change.
    pub fn update(&mut self, kind: Kind, choices: ChannelChoices) {
        let known = self.0.entry(<&str>::from(kind).to_owned()).or_default();
        known.email = choices.email.or(known.email);
        known.sms = choices.sms.or(known.sms);
        known.push = choices.push.or(known.push);
    }

    /// Whether notifications of `kind` are sent by `channel`.
    pub fn wants(&self, kind: Kind, channel: Channel) -> bool {
        let choices = self.0.get(<&str>::from(kind)).copied().unwrap_or_default();
        let chosen = match channel {
            Channel::Email => choices.email,
            Channel::Sms => choices.sms,
            Channel::Push => choices.push,
        };
        chosen.unwrap_or_else(|| is_default(kind, channel))
    }
}

/// Whether notifications are sent by this channel by default. Mails about an order already report its payment, text
/// messages cost money, and a new user has no device yet.
fn is_default(kind: Kind, channel: Channel) -> bool {
    match channel {
        Channel::Email => !matches!(kind, Kind::PaymentProcessed | Kind::PaymentFailed),
        Channel::Sms => false,
        Channel::Push => kind != Kind::UserRegistered,
    }
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::*;

    #[test]
    fn without_a_choice_the_default_holds() {
        let defaults = Preferences::default();
        let enabled = |channel| {
            Kind::VARIANTS.iter().filter(|kind| defaults.wants(**kind, channel)).map(<&str>::from).collect::<Vec<_>>()
        };
        assert_eq!(
            enabled(Channel::Email),
            [
                "user_registered",
                "order_placed",
                "order_confirmed",
                "order_shipped",
                "order_cancelled",
                "order_refunded"
            ]
        );
        assert!(enabled(Channel::Sms).is_empty());
        assert_eq!(enabled(Channel::Push).len(), 7);
    }

    #[test]
    fn a_choice_holds_until_it_is_changed_and_does_not_affect_others() {
        let mut preferences = Preferences::default();
        preferences.update(Kind::OrderShipped, ChannelChoices { sms: Some(true), ..ChannelChoices::default() });
        preferences.update(Kind::OrderShipped, ChannelChoices { email: Some(false), ..ChannelChoices::default() });
        let channels = [Channel::Email, Channel::Sms, Channel::Push];
        assert_eq!(channels.map(|channel| preferences.wants(Kind::OrderShipped, channel)), [false, true, true]);
        assert!(preferences.wants(Kind::OrderPlaced, Channel::Email));
    }

    #[test]
    fn names_are_the_kinds_in_snake_case() {
        for kind in Kind::VARIANTS {
            let named: &str = kind.into();
            let event = format!("{kind:?}");
            let snake: String = event
                .chars()
                .enumerate()
                .map(|(at, c)| {
                    if c.is_uppercase() && at > 0 {
                        format!("_{}", c.to_lowercase())
                    } else {
                        c.to_lowercase().to_string()
                    }
                })
                .collect();
            assert_eq!(snake, named);
        }
    }
}
