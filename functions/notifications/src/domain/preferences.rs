//! Which channels notify a user of which types of events.

use std::collections::BTreeMap;

use contracts::{NotificationChannel as Channel, NotificationKind as Kind};
use serde::{Deserialize, Serialize};

/// The kinds of notifications, each with its name in preferences.
pub const KINDS: [(Kind, &str); 8] = [
    (Kind::UserRegistered, "user_registered"),
    (Kind::OrderPlaced, "order_placed"),
    (Kind::PaymentProcessed, "payment_processed"),
    (Kind::PaymentFailed, "payment_failed"),
    (Kind::OrderConfirmed, "order_confirmed"),
    (Kind::OrderShipped, "order_shipped"),
    (Kind::OrderCancelled, "order_cancelled"),
    (Kind::OrderRefunded, "order_refunded"),
];

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

/// The choices of a user, by the names in [`KINDS`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Preferences(BTreeMap<String, ChannelChoices>);

impl Preferences {
    /// Updates the choices for one type of event. Channels without a new choice do not change.
    pub fn update(&mut self, kind: Kind, choices: ChannelChoices) {
        let known = self.0.entry(name(kind).to_owned()).or_default();
        known.email = choices.email.or(known.email);
        known.sms = choices.sms.or(known.sms);
        known.push = choices.push.or(known.push);
    }

    /// Whether notifications of `kind` are sent by `channel`.
    pub fn wants(&self, kind: Kind, channel: Channel) -> bool {
        let choices = self.0.get(name(kind)).copied().unwrap_or_default();
        let chosen = match channel {
            Channel::Email => choices.email,
            Channel::Sms => choices.sms,
            Channel::Push => choices.push,
        };
        chosen.unwrap_or_else(|| is_default(kind, channel))
    }
}

fn name(kind: Kind) -> &'static str {
    KINDS.iter().find(|(known, _)| *known == kind).map_or("", |(_, name)| name)
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
    use super::*;

    #[test]
    fn without_a_choice_the_default_holds() {
        let defaults = Preferences::default();
        let enabled = |channel| {
            KINDS.iter().filter(|(kind, _)| defaults.wants(*kind, channel)).map(|(_, name)| *name).collect::<Vec<_>>()
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
        for (kind, named) in KINDS {
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
