//! Which channel tells of which type of event.

use std::collections::BTreeMap;

use contracts::{NotificationChannel as Channel, NotificationKind as Kind};
use serde::{Deserialize, Serialize};

/// What there is to tell, each with its name in preferences.
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

/// What somebody has chosen for one type of event; what they left open is as it is for everybody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choices {
    /// By mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<bool>,
    /// By text message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sms: Option<bool>,
    /// By push message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push: Option<bool>,
}

/// What somebody has chosen, by the names in [`KINDS`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Preferences(BTreeMap<String, Choices>);

impl Preferences {
    /// Takes in what was chosen for one type of event. What these choices leave open stays.
    pub fn choose(&mut self, kind: Kind, choices: Choices) {
        let known = self.0.entry(name(kind).to_owned()).or_default();
        known.email = choices.email.or(known.email);
        known.sms = choices.sms.or(known.sms);
        known.push = choices.push.or(known.push);
    }

    /// Whether `channel` tells of `kind`.
    pub fn wants(&self, kind: Kind, channel: Channel) -> bool {
        let choices = self.0.get(name(kind)).copied().unwrap_or_default();
        let chosen = match channel {
            Channel::Email => choices.email,
            Channel::Sms => choices.sms,
            Channel::Push => choices.push,
        };
        chosen.unwrap_or_else(|| is_usual(kind, channel))
    }
}

fn name(kind: Kind) -> &'static str {
    KINDS.iter().find(|(known, _)| *known == kind).map_or("", |(_, name)| name)
}

/// What holds for who has not chosen. Of a payment the mails about its order speak; a text message costs money; who has registered
/// has no device yet.
fn is_usual(kind: Kind, channel: Channel) -> bool {
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
    fn who_chooses_nothing_gets_what_is_usual() {
        let nothing = Preferences::default();
        let wanted = |channel| {
            KINDS.iter().filter(|(kind, _)| nothing.wants(*kind, channel)).map(|(_, name)| *name).collect::<Vec<_>>()
        };
        assert_eq!(
            wanted(Channel::Email),
            [
                "user_registered",
                "order_placed",
                "order_confirmed",
                "order_shipped",
                "order_cancelled",
                "order_refunded"
            ]
        );
        assert!(wanted(Channel::Sms).is_empty());
        assert_eq!(wanted(Channel::Push).len(), 7);
    }

    #[test]
    fn a_choice_stands_until_it_is_changed_and_leaves_the_others_alone() {
        let mut preferences = Preferences::default();
        preferences.choose(Kind::OrderShipped, Choices { sms: Some(true), ..Choices::default() });
        preferences.choose(Kind::OrderShipped, Choices { email: Some(false), ..Choices::default() });
        let channels = [Channel::Email, Channel::Sms, Channel::Push];
        assert_eq!(channels.map(|channel| preferences.wants(Kind::OrderShipped, channel)), [false, true, true]);
        assert!(preferences.wants(Kind::OrderPlaced, Channel::Email));
    }

    #[test]
    fn every_kind_has_its_name() {
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
