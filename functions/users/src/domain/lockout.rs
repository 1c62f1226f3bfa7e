//! Failed logins: after some of them a pause, twice as long after each more.
//!
//! They are counted for one name from one address, so that nobody locks another out from elsewhere.

use std::time::Duration;

use kernel::Timestamp;
use serde::{Deserialize, Serialize};

/// The longest pause, in seconds.
const LONGEST_PAUSE: u64 = 300;

/// How long failures are remembered after the last one, in seconds.
const REMEMBERED: i64 = 3600;

/// The failures for one name from one address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failures {
    /// How many, since the last success.
    pub count: u32,
    /// Until when nothing is tried, in milliseconds since 1970.
    pub blocked_until: i64,
    /// When they are forgotten, in seconds since 1970; the item's time to live.
    pub expires_at: i64,
}

impl Failures {
    /// What is known after one more failure; `allowed` of them have no consequence.
    pub fn after_one_more(before: Option<&Self>, allowed: u32, now: Timestamp) -> Self {
        let count = before.filter(|failures| failures.count_at(now)).map_or(0, |failures| failures.count) + 1;
        let pause = match count.checked_sub(allowed) {
            None => 0,
            Some(over) => 2_u64.saturating_pow(over).min(LONGEST_PAUSE),
        };
        let blocked_until = now.plus_seconds(i64::try_from(pause).unwrap_or_default()).as_millis();
        Self { count, blocked_until, expires_at: now.as_seconds() + REMEMBERED }
    }

    /// How long to wait before the next try, if one has to.
    pub fn pause(&self, now: Timestamp) -> Option<Duration> {
        let millis = u64::try_from(self.blocked_until - now.as_millis()).ok()?;
        (millis > 0).then(|| Duration::from_millis(millis))
    }

    /// Whether they still count.
    pub fn count_at(&self, now: Timestamp) -> bool {
        now.as_seconds() < self.expires_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_begin_after_the_allowed_ones_double_and_end() {
        let mut now = Timestamp::from_millis(1_000_000);
        let mut failures = None;
        let mut pauses = Vec::new();
        for _ in 0..16 {
            let next = Failures::after_one_more(failures.as_ref(), 5, now);
            pauses.push(next.pause(now).map_or(0, |pause| pause.as_secs()));
            failures = Some(next);
            now = now.plus_seconds(300);
        }
        assert_eq!(pauses, [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
    }

    #[test]
    fn an_hour_later_they_are_forgotten() {
        let now = Timestamp::from_millis(0);
        let failures = Failures { count: 9, blocked_until: 0, expires_at: 3600 };
        assert_eq!(Failures::after_one_more(Some(&failures), 5, now).count, 10);
        assert_eq!(Failures::after_one_more(Some(&failures), 5, now.plus_seconds(3600)).count, 1);
    }
}
