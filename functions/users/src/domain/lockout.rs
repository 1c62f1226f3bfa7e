//! Failed logins: after some of them a pause, twice as long after each more.
//!
//! They are counted for one account (or one name that is nobody's) from one address, so that nobody locks another out from
//! elsewhere. Guesses that come at the same moment are all tried, and all counted; how many can is what the address's own limit
//! is for.

use std::time::Duration;

use kernel::Timestamp;
use serde::{Deserialize, Serialize};

/// The first pause, in seconds.
const FIRST_PAUSE: i64 = 5;

/// The longest pause, in seconds.
const LONGEST_PAUSE: i64 = 300;

/// How long failures are remembered after the last one, in seconds.
const REMEMBERED: i64 = 3600;

/// The failures for one account from one address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failures {
    /// How many, since the last success.
    pub count: u32,
    /// When the last one was.
    pub last_at: Timestamp,
    /// When they are forgotten, in seconds since 1970; the item's time to live.
    pub expires_at: i64,
}

impl Failures {
    /// What is known after the first failure.
    pub fn first(now: Timestamp) -> Self {
        Self { count: 1, last_at: now, expires_at: now.as_seconds() + REMEMBERED }
    }

    /// How long to wait before the next try, if one has to: from the `allowed`th failure on.
    pub fn pause(&self, allowed: u32, now: Timestamp) -> Option<Duration> {
        let over = self.count.checked_sub(allowed).filter(|_| now.as_seconds() < self.expires_at)?;
        let seconds = FIRST_PAUSE.checked_shl(over.min(16)).unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE);
        let millis = self.last_at.plus_seconds(seconds).as_millis() - now.as_millis();
        u64::try_from(millis).ok().filter(|millis| *millis > 0).map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_begin_after_the_allowed_ones_double_and_end() {
        let now = Timestamp::from_millis(1_000_000);
        let pause = |count| Failures { count, ..Failures::first(now) }.pause(5, now).map_or(0, |pause| pause.as_secs());
        let pauses: Vec<u64> = (1..=14).map(pause).collect();
        assert_eq!(pauses, [0, 0, 0, 0, 5, 10, 20, 40, 80, 160, 300, 300, 300, 300]);
        assert_eq!(pause(u32::MAX), 300);
    }

    #[test]
    fn a_pause_is_over_and_failures_are_forgotten() {
        let now = Timestamp::from_millis(0);
        let failures = Failures { count: 5, ..Failures::first(now) };
        assert_eq!(failures.pause(5, now.plus_seconds(4)), Some(Duration::from_secs(1)));
        assert_eq!(failures.pause(5, now.plus_seconds(5)), None);
        let many = Failures { count: 99, expires_at: 10, ..failures };
        assert_eq!(many.pause(5, now.plus_seconds(10)), None);
    }
}
