//! Whether something is sent now: it was not yet, and nobody else is at it.

use contracts::NotificationStatus;
use kernel::Timestamp;
use serde::{Deserialize, Serialize};

/// What is recorded of the tries to tell one target of one event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// How it ended; nothing before it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<NotificationStatus>,
    /// Until when whoever tries it has it to themselves, in seconds since 1970. A try that is older was left by a function that died.
    pub claimed_until: i64,
}

/// Who asks to try it is answered so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Try it. Whether it was told before that it had failed.
    Granted {
        /// It was.
        has_failed: bool,
    },
    /// It was sent.
    Done,
    /// Somebody is at it, or died while they were.
    Held,
}

impl Attempt {
    /// What whoever finds this may do.
    pub fn claim(&self, now: Timestamp) -> Claim {
        match self.ended {
            Some(NotificationStatus::Sent) => Claim::Done,
            _ if self.claimed_until >= now.as_seconds() => Claim::Held,
            ended => Claim::Granted { has_failed: ended == Some(NotificationStatus::Failed) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_is_not_tried_and_what_is_tried_is_waited_for() {
        let now = Timestamp::from_millis(1_000_000);
        let claim = |ended, claimed_until| Attempt { ended, claimed_until }.claim(now);
        assert_eq!(claim(None, 1_000), Claim::Held);
        assert_eq!(claim(None, 999), Claim::Granted { has_failed: false });
        assert_eq!(claim(Some(NotificationStatus::Sent), 0), Claim::Done);
        assert_eq!(claim(Some(NotificationStatus::Failed), 0), Claim::Granted { has_failed: true });
        assert_eq!(claim(Some(NotificationStatus::Failed), 1_000), Claim::Held);
    }
}
