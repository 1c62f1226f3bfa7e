//! Whether something is sent now: it was not yet, nobody else is at it, and it has not been tried too often.

use contracts::NotificationStatus;
use kernel::Timestamp;
use serde::{Deserialize, Serialize};

/// How many tries may be left without an answer. Each of them may have told the target, so this is how often it is told at most.
pub const MOST_UNANSWERED: u32 = 3;

/// What is recorded of the tries to tell one target of one event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// How it ended; nothing before it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<NotificationStatus>,
    /// Until when whoever tries it has it to themselves, in seconds since 1970. A try that is older was left by a function that died.
    pub claimed_until: i64,
    /// Counts the claims, so that each is told from all others.
    pub claims: u64,
    /// Of how many tries nobody knows what became: the service did not answer, or the function died. The one under way is counted.
    pub unanswered: u32,
    /// As of which revision of the contact it was refused for good, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_at: Option<u64>,
}

/// Who asks to try it is answered so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Try it.
    Granted(Grant),
    /// Say that it failed: too many tries were left without an answer.
    TooOften(Grant),
    /// It was sent, or will never be.
    Done,
    /// Somebody is at it, or died while they were.
    Held,
}

/// What somebody has to themselves, for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// The how manieth claim it is.
    pub number: u64,
    /// Whether it was told before that it had failed.
    pub has_failed: bool,
    /// How many tries before this one were left without an answer.
    pub unanswered: u32,
}

/// What became of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The service took it.
    Sent,
    /// The service will never take it.
    Refused,
    /// The service did not take it this time.
    NotTaken,
    /// The service did not answer: it may have taken it.
    Unanswered,
}

impl Attempt {
    /// The first try of all, which its maker has claimed.
    pub fn first(claimed_until: i64) -> (Self, Grant) {
        let grant = Grant { number: 1, has_failed: false, unanswered: 0 };
        (Self { ended: None, claimed_until, claims: grant.number, unanswered: 1, refused_at: None }, grant)
    }

    /// What whoever finds this may do; `revision` is that of the contact which says where the target is.
    pub fn claim(&self, now: Timestamp, revision: u64) -> Claim {
        let is_too_often = self.unanswered >= MOST_UNANSWERED;
        let is_done = match self.ended {
            Some(NotificationStatus::Sent) => true,
            Some(NotificationStatus::Failed) => is_too_often || self.refused_at == Some(revision),
            None => false,
        };
        let has_failed = self.ended == Some(NotificationStatus::Failed);
        let grant = |number| Grant { number, has_failed, unanswered: self.unanswered };
        match is_done {
            true => Claim::Done,
            false if self.claimed_until >= now.as_seconds() => Claim::Held,
            false if is_too_often => Claim::TooOften(grant(self.claims)),
            false => Claim::Granted(grant(self.claims + 1)),
        }
    }
}

impl Grant {
    /// How many tries were left without an answer, after one that ended so.
    pub fn unanswered_after(self, outcome: Outcome) -> u32 {
        self.unanswered + u32::from(outcome == Outcome::Unanswered)
    }
}

impl Outcome {
    /// What it is told as.
    pub fn status(self) -> NotificationStatus {
        match self {
            Self::Sent => NotificationStatus::Sent,
            Self::Refused | Self::NotTaken | Self::Unanswered => NotificationStatus::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILED: Option<NotificationStatus> = Some(NotificationStatus::Failed);

    fn now() -> Timestamp {
        Timestamp::from_millis(1_000_000)
    }

    fn attempt(ended: Option<NotificationStatus>, claimed_until: i64) -> Attempt {
        Attempt { ended, claimed_until, claims: 4, unanswered: 0, refused_at: None }
    }

    fn granted(has_failed: bool, unanswered: u32) -> Claim {
        Claim::Granted(Grant { number: 5, has_failed, unanswered })
    }

    #[test]
    fn what_was_sent_is_not_tried_and_what_is_tried_is_waited_for() {
        let claim = |ended, claimed_until| attempt(ended, claimed_until).claim(now(), 1);
        assert_eq!(claim(None, 1_000), Claim::Held);
        assert_eq!(claim(None, 999), granted(false, 0));
        assert_eq!(claim(Some(NotificationStatus::Sent), 0), Claim::Done);
        assert_eq!(claim(FAILED, 0), granted(true, 0));
        assert_eq!(claim(FAILED, 1_000), Claim::Held);
        assert_eq!(Attempt::first(1_000).0.claim(now(), 1), Claim::Held);
    }

    #[test]
    fn what_was_refused_is_tried_where_the_contact_has_changed() {
        let refused = Attempt { refused_at: Some(7), ..attempt(FAILED, 0) };
        assert_eq!(refused.claim(now(), 7), Claim::Done);
        assert_eq!(refused.claim(now(), 8), granted(true, 0));
    }

    #[test]
    fn the_third_try_without_an_answer_is_the_last() {
        let after = |ended, unanswered| Attempt { unanswered, ..attempt(ended, 0) }.claim(now(), 1);
        assert_eq!(after(None, MOST_UNANSWERED - 1), granted(false, MOST_UNANSWERED - 1));
        let grant = Grant { number: 4, has_failed: false, unanswered: MOST_UNANSWERED };
        assert_eq!(after(None, MOST_UNANSWERED), Claim::TooOften(grant));
        assert_eq!(after(FAILED, MOST_UNANSWERED), Claim::Done);
        assert_eq!((grant.unanswered_after(Outcome::Unanswered), grant.unanswered_after(Outcome::NotTaken)), (4, 3));
    }
}
