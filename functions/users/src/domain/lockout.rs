//! The lockout: after several failed logins, each further attempt has to wait, twice as long after each failure.
//!
//! Failures are counted for each pair of an account (or an unknown login) and an IP address, so that nobody can lock
//! out somebody else from another address. Concurrent attempts are all checked and all counted. The rate limit of the
//! IP address bounds their number.

use std::time::Duration;

use kernel::Timestamp;
use serde::{Deserialize, Serialize};

/// The first pause.
const FIRST_PAUSE_SECONDS: i64 = 5;

/// The longest pause.
const MAX_PAUSE_SECONDS: i64 = 300;

/// How long failures count after the last one.
const RETENTION_SECONDS: i64 = 3600;

/// The failed logins for one account from one IP address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failures {
    /// The number of failures since the last success.
    pub count: u32,
    /// The time of the last failure.
    pub last_at: Timestamp,
    /// When the failures no longer count, in seconds since 1970. It is the item's time to live.
    pub expires_at: i64,
}

impl Failures {
    /// Returns the record of a first failure.
    pub fn first(now: Timestamp) -> Self {
        Self { count: 1, last_at: now, expires_at: now.as_seconds() + RETENTION_SECONDS }
    }

    /// Returns the time until the next attempt is allowed, if there is a pause. Pauses begin with failure number
    /// `allowed`.
    pub fn remaining_pause(&self, allowed: u32, now: Timestamp) -> Option<Duration> {
        let excess = self.count.checked_sub(allowed).filter(|_| now.as_seconds() < self.expires_at)?;
        let seconds =
            FIRST_PAUSE_SECONDS.checked_shl(excess.min(16)).unwrap_or(MAX_PAUSE_SECONDS).min(MAX_PAUSE_SECONDS);
        let millis = self.last_at.plus_seconds(seconds).as_millis() - now.as_millis();
        u64::try_from(millis).ok().filter(|millis| *millis > 0).map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_begin_after_the_allowed_failures_and_double_up_to_the_maximum() {
        let now = Timestamp::from_millis(1_000_000);
        let pause = |count| {
            let failures = Failures { count, ..Failures::first(now) };
            failures.remaining_pause(5, now).map_or(0, |pause| pause.as_secs())
        };
        let pauses: Vec<u64> = (1..=14).map(pause).collect();
        assert_eq!(pauses, [0, 0, 0, 0, 5, 10, 20, 40, 80, 160, 300, 300, 300, 300]);
        assert_eq!(pause(u32::MAX), 300);
    }

    #[test]
    fn a_pause_ends_and_failures_expire() {
        let now = Timestamp::from_millis(0);
        let failures = Failures { count: 5, ..Failures::first(now) };
        assert_eq!(failures.remaining_pause(5, now.plus_seconds(4)), Some(Duration::from_secs(1)));
        assert_eq!(failures.remaining_pause(5, now.plus_seconds(5)), None);
        let many = Failures { count: 99, expires_at: 10, ..failures };
        assert_eq!(many.remaining_pause(5, now.plus_seconds(10)), None);
    }
}
