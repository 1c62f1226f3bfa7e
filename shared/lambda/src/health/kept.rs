use std::future::Future;

use kernel::Timestamp;
use tokio::sync::Mutex;

use crate::http::{Reply, Response};

/// How long an answer is kept, in milliseconds.
const KEPT_MS: i64 = 5_000;

/// An answer that is given again for some seconds: anybody may ask, and AWS is asked at most once in that time by each environment.
#[derive(Default)]
pub struct Kept(Mutex<Option<(Timestamp, Response)>>);

impl Kept {
    /// The answer that is kept, or what `look` finds now. Whoever comes meanwhile waits for it.
    ///
    /// # Errors
    /// When the new answer is a problem, which is not kept.
    pub async fn or_else(&self, now: Timestamp, look: impl Future<Output = Reply>) -> Reply {
        let mut kept = self.0.lock().await;
        match kept.as_ref().filter(|(looked_at, _)| is_fresh(*looked_at, now)) {
            Some((_, fresh)) => Ok(fresh.clone()),
            None => Ok(kept.insert((now, look.await?)).1.clone()),
        }
    }
}

/// Whether what was looked at is recent enough; what comes from the future is not, the clock was set.
fn is_fresh(looked_at: Timestamp, now: Timestamp) -> bool {
    (0..KEPT_MS).contains(&(now.as_millis() - looked_at.as_millis()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http;

    #[test]
    fn a_report_is_kept_for_five_seconds() {
        let checked_at = Timestamp::from_millis(1_767_323_045_600);
        for (later, fresh) in [(0, true), (4_999, true), (5_000, false), (86_400_000, false), (-1, false)] {
            let now = Timestamp::from_millis(checked_at.as_millis() + later);
            assert_eq!(is_fresh(checked_at, now), fresh, "{later} ms later");
        }
    }

    #[tokio::test]
    async fn an_answer_is_given_again_until_it_is_old() {
        let (kept, start) = (Kept::default(), Timestamp::from_millis(0));
        let first = kept.or_else(start, async { http::ok(&1) }).await;
        assert_eq!(kept.or_else(start.plus_seconds(4), async { http::ok(&2) }).await, first);
        let second = kept.or_else(start.plus_seconds(5), async { http::ok(&3) }).await;
        assert_eq!(second, http::ok(&3));
    }
}
