use std::future::Future;

use kernel::Timestamp;
use tokio::sync::Mutex;

use crate::http::{Reply, Response};

/// How long a response is cached, in milliseconds.
const TTL_MS: i64 = 5_000;

/// A cache of one response for a few seconds. Anybody may request the health, and each environment calls AWS at most
/// once in that time.
#[derive(Default)]
pub struct Cached(Mutex<Option<(Timestamp, Response)>>);

impl Cached {
    /// Returns the cached response, or that of `check` if there is none. Concurrent requests wait for the same check.
    ///
    /// # Errors
    /// If the new response is a problem, which is not cached.
    pub async fn get_or(&self, now: Timestamp, check: impl Future<Output = Reply>) -> Reply {
        let mut cached = self.0.lock().await;
        match cached.as_ref().filter(|(checked_at, _)| is_fresh(*checked_at, now)) {
            Some((_, fresh)) => Ok(fresh.clone()),
            None => Ok(cached.insert((now, check.await?)).1.clone()),
        }
    }
}

/// Returns whether a result of `checked_at` is recent enough. One from the future is not: the clock was set back.
fn is_fresh(checked_at: Timestamp, now: Timestamp) -> bool {
    (0..TTL_MS).contains(&(now.as_millis() - checked_at.as_millis()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http;

    #[test]
    fn a_report_is_fresh_for_five_seconds() {
        let checked_at = Timestamp::from_millis(1_767_323_045_600);
        for (later, fresh) in [(0, true), (4_999, true), (5_000, false), (86_400_000, false), (-1, false)] {
            let now = Timestamp::from_millis(checked_at.as_millis() + later);
            assert_eq!(is_fresh(checked_at, now), fresh, "{later} ms later");
        }
    }

    #[tokio::test]
    async fn a_cached_response_is_returned_until_it_expires() {
        let (cached, start) = (Cached::default(), Timestamp::from_millis(0));
        let first = cached.get_or(start, async { http::ok(&1) }).await;
        assert_eq!(cached.get_or(start.plus_seconds(4), async { http::ok(&2) }).await, first);
        let second = cached.get_or(start.plus_seconds(5), async { http::ok(&3) }).await;
        assert_eq!(second, http::ok(&3));
    }
}
