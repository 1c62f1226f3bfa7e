//! Decides whether a notification is sent now: it was not sent yet, nobody else is sending it, and it was not tried too
//! often.

use contracts::NotificationStatus;
use kernel::Timestamp;
use serde::{Deserialize, Serialize};

/// The maximum number of unanswered attempts. Each of them may have reached the target, so a target receives a
/// notification at most this often.
pub const MAX_UNANSWERED: u32 = 3;

/// The record of the attempts to send the notification of one event to one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The final status, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<NotificationStatus>,
    /// When the current lease expires, in seconds since 1970. An expired lease was left by a function that died.
    pub claimed_until: i64,
    /// The number of leases granted so far, which is also the number of the latest lease.
    pub claims: u64,
    /// The number of attempts with an unknown result: the service did not respond, or the function died. It includes
    /// the current attempt.
    pub unanswered: u32,
    /// The revision of the contact at which the service rejected the notification permanently, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_at: Option<u64>,
}

/// The response to a request for the lease of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseDecision {
    /// Send the notification.
    Granted(DeliveryLease),
    /// Record the notification as failed: too many attempts remained unanswered.
    TooManyAttempts(DeliveryLease),
    /// The notification was sent, or can never be sent.
    Done,
    /// Another function holds the lease, or died while it held it.
    Held,
}

/// The right to send one notification to one target, for a limited time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryLease {
    /// The number of the lease, from 1.
    pub number: u64,
    /// Whether the notification was already published as failed.
    pub has_failed: bool,
    /// The number of earlier attempts that remained unanswered.
    pub unanswered: u32,
}

/// The result of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The service accepted the notification.
    Sent,
    /// The service rejected the notification permanently.
    Rejected,
    /// The service did not accept the notification this time.
    NotAccepted,
    /// The service did not respond: it may have accepted the notification.
    Unanswered,
}

impl Attempt {
    /// Returns the record of a first attempt, with the lease of the function that makes it.
    pub fn first(claimed_until: i64) -> (Self, DeliveryLease) {
        let lease = DeliveryLease { number: 1, has_failed: false, unanswered: 0 };
        (Self { ended: None, claimed_until, claims: lease.number, unanswered: 1, refused_at: None }, lease)
    }

    /// Decides whether a function may send the notification now; `revision` is that of the contact from which the
    /// target comes.
    pub fn request_lease(&self, now: Timestamp, revision: u64) -> LeaseDecision {
        let has_too_many = self.unanswered >= MAX_UNANSWERED;
        let is_done = match self.ended {
            Some(NotificationStatus::Sent) => true,
            Some(NotificationStatus::Failed) => has_too_many || self.refused_at == Some(revision),
            None => false,
        };
        let has_failed = self.ended == Some(NotificationStatus::Failed);
        let lease = |number| DeliveryLease { number, has_failed, unanswered: self.unanswered };
        match is_done {
            true => LeaseDecision::Done,
            false if self.claimed_until >= now.as_seconds() => LeaseDecision::Held,
            false if has_too_many => LeaseDecision::TooManyAttempts(lease(self.claims)),
            false => LeaseDecision::Granted(lease(self.claims + 1)),
        }
    }
}

impl DeliveryLease {
    /// Returns the number of unanswered attempts after one with this outcome.
    pub fn unanswered_after(self, outcome: Outcome) -> u32 {
        self.unanswered + u32::from(outcome == Outcome::Unanswered)
    }
}

impl Outcome {
    /// Returns the status that is published for the outcome.
    pub fn status(self) -> NotificationStatus {
        match self {
            Self::Sent => NotificationStatus::Sent,
            Self::Rejected | Self::NotAccepted | Self::Unanswered => NotificationStatus::Failed,
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

    fn granted(has_failed: bool, unanswered: u32) -> LeaseDecision {
        LeaseDecision::Granted(DeliveryLease { number: 5, has_failed, unanswered })
    }

    #[test]
    fn a_lease_is_granted_unless_it_is_held_or_the_notification_was_sent() {
        let decision = |ended, claimed_until| attempt(ended, claimed_until).request_lease(now(), 1);
        assert_eq!(decision(None, 1_000), LeaseDecision::Held);
        assert_eq!(decision(None, 999), granted(false, 0));
        assert_eq!(decision(Some(NotificationStatus::Sent), 0), LeaseDecision::Done);
        assert_eq!(decision(FAILED, 0), granted(true, 0));
        assert_eq!(decision(FAILED, 1_000), LeaseDecision::Held);
        assert_eq!(Attempt::first(1_000).0.request_lease(now(), 1), LeaseDecision::Held);
    }

    #[test]
    fn a_rejected_notification_is_tried_again_only_after_the_contact_has_changed() {
        let rejected = Attempt { refused_at: Some(7), ..attempt(FAILED, 0) };
        assert_eq!(rejected.request_lease(now(), 7), LeaseDecision::Done);
        assert_eq!(rejected.request_lease(now(), 8), granted(true, 0));
    }

    #[test]
    fn the_third_unanswered_attempt_is_the_last() {
        let after = |ended, unanswered| Attempt { unanswered, ..attempt(ended, 0) }.request_lease(now(), 1);
        assert_eq!(after(None, MAX_UNANSWERED - 1), granted(false, MAX_UNANSWERED - 1));
        let lease = DeliveryLease { number: 4, has_failed: false, unanswered: MAX_UNANSWERED };
        assert_eq!(after(None, MAX_UNANSWERED), LeaseDecision::TooManyAttempts(lease));
        assert_eq!(after(FAILED, MAX_UNANSWERED), LeaseDecision::Done);
        assert_eq!((lease.unanswered_after(Outcome::Unanswered), lease.unanswered_after(Outcome::NotAccepted)), (4, 3));
    }
}
