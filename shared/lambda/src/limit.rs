//! Rate limits. They are token buckets in the table of the context that they protect.
//!
//! | item | pk | sk |
//! | --- | --- | --- |
//! | bucket | `LIMIT#<limit>#<user or address>` | `BUCKET` |
//!
//! A bucket is one number, the time at which it will be full again (the generic cell rate algorithm of ITU-T I.371). A
//! request adds the time in which one token is refilled, and is rejected if the result is further ahead than the time
//! to refill a whole bucket. The current time is that of the request. DynamoDB cannot calculate the maximum of two
//! numbers, so a full bucket and one in use need different writes. If the bucket was not read before, the first write
//! is tried, and the second one only if the bucket is in use.

use std::{str::FromStr, time::Duration};

use aws_config::SdkConfig;
use dynamo::{Item, Key, Table, TransactError, Write, number};
use kernel::Timestamp;

use crate::{
    Error, env,
    http::{self, ApiRequest, Quota, Request},
    policy::Limit,
    problem::Problem,
};

/// A number of requests in a time window. The parameter `120/60` allows 120 requests in 60 seconds, at once or spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rate {
    burst: i64,
    seconds: i64,
}

/// A rate limit with its buckets in a table.
pub struct Limiter {
    table: Table,
    limit: Limit,
    rate: Rate,
}

/// The maximum number of attempts of a request that conflicts with others at its bucket.
const MAX_ATTEMPTS: usize = 4;

const MICROS: i64 = 1_000_000;

impl Limiter {
    /// Creates the limiter for the table of the context.
    ///
    /// # Errors
    /// If the template does not set `TABLE_NAME` or the variable of the limit.
    pub fn connect(config: &SdkConfig, limit: Limit) -> Result<Self, Error> {
        Self::over(Table::connect(config, env("TABLE_NAME")?), limit)
    }

    /// Creates the limiter for `table`.
    ///
    /// # Errors
    /// If the template does not set the variable of the limit.
    pub fn over(table: Table, limit: Limit) -> Result<Self, Error> {
        let variable = match limit {
            Limit::Unlimited => return Err("an unlimited route has no limiter".into()),
            Limit::Logins => "LOGIN_LIMIT",
            Limit::Registrations => "REGISTER_LIMIT",
            Limit::Writes => "WRITE_LIMIT",
        };
        let rate = env(variable)?.parse().map_err(|error| format!("{variable}: {error}"))?;
        Ok(Self { table, limit, rate })
    }

    /// Takes a token for `request`, with one conditional write, or two if the bucket is in use.
    ///
    /// # Errors
    /// 429 if there is no token. 500 if the table does not respond and the limit fails closed.
    pub async fn take(&self, request: &Request) -> Result<(), Problem> {
        let mut found = None;
        for _ in 0..MAX_ATTEMPTS {
            let charge = self.charge(found.as_ref(), request)?;
            match self.table.write(charge).await {
                Ok(()) => return Ok(()),
                Err(TransactError::Refused(refusal)) => found = refusal.found(0).cloned(),
                Err(TransactError::Store(error)) if self.limit == Limit::Writes => {
                    tracing::error!(%error, "a request was not counted for the rate limit");
                    return Ok(());
                }
                Err(TransactError::Store(error)) => return Err(error.into()),
            }
        }
        Err(self.rejection(request, 1)) // too many concurrent requests for this one to write the bucket
    }

    /// Returns the key of the bucket of `request`, for a read together with other items.
    pub fn key(&self, request: &Request) -> Key {
        let client = match self.limit {
            Limit::Writes => request.caller().map_or_else(|_| request.address(), |caller| caller.user_id.to_string()),
            _ => request.address(),
        };
        Key::new(format!("LIMIT#{}#{client}", name(self.limit)), "BUCKET")
    }

    /// Returns the write that takes a token for `request` from the bucket `found`, for a transaction with other writes.
    /// The headers of the response will report the quota.
    ///
    /// # Errors
    /// 429 if there is no token.
    pub fn charge(&self, found: Option<&Item>, request: &Request) -> Result<Write, Problem> {
        let full_at = found.and_then(full_at);
        let now = micros(request.now());
        match self.rate.take_token(full_at, now) {
            Ok(next) => {
                http::set_quota(request, self.quota(next - now));
                Ok(self.rate.write(self.key(request), full_at, now))
            }
            Err(wait) => Err(self.rejection(request, wait)),
        }
    }

    fn rejection(&self, request: &Request, wait_micros: i64) -> Problem {
        http::set_quota(request, self.quota(self.rate.period()));
        rate_limited(Duration::from_micros(wait_micros.unsigned_abs()))
    }

    /// Returns the quota of a bucket that is full again in `micros`.
    fn quota(&self, micros: i64) -> Quota {
        let Rate { burst, seconds } = self.rate;
        let remaining = (self.rate.period() - micros) / self.rate.interval();
        let reset_seconds = micros.max(0).div_euclid(MICROS) + i64::from(micros % MICROS > 0);
        Quota {
            name: name(self.limit),
            limit: burst,
            window_seconds: seconds,
            remaining: remaining.clamp(0, burst),
            reset_seconds,
        }
    }
}

pub(crate) fn rate_limited(wait: Duration) -> Problem {
    Problem::too_many("rate_limited", wait, "Too many requests. Try again after the time in Retry-After.")
}

/// Returns the name of the limit in headers and keys.
fn name(limit: Limit) -> &'static str {
    match limit {
        Limit::Unlimited => "unlimited",
        Limit::Logins => "logins",
        Limit::Registrations => "registrations",
        Limit::Writes => "writes",
    }
}

fn micros(time: Timestamp) -> i64 {
    time.as_millis().saturating_mul(1_000)
}

fn full_at(bucket: &Item) -> Option<i64> {
    bucket.get("full_at")?.as_n().ok()?.parse().ok()
}

impl Rate {
    /// Returns the time in which one token is refilled, in microseconds.
    fn interval(self) -> i64 {
        (self.seconds * MICROS / self.burst).max(1)
    }

    /// Returns the time in which an empty bucket is refilled, in microseconds.
    fn period(self) -> i64 {
        self.interval() * self.burst
    }

    /// Takes a token from a bucket that is full again at `full_at`. Returns the new time at which it is full, or an
    /// error with the time to wait.
    fn take_token(self, full_at: Option<i64>, now: i64) -> Result<i64, i64> {
        let next = full_at.unwrap_or(now).max(now) + self.interval();
        let wait = next - now - self.period();
        if wait > 0 { Err(wait) } else { Ok(next) }
    }

    fn write(self, key: Key, full_at: Option<i64>, now: i64) -> Write {
        let expires_at = now / MICROS + self.seconds + 60;
        let values = [number(":now", now), number(":interval", self.interval()), number(":expires", expires_at)];
        if full_at.is_none_or(|full_at| full_at < now) {
            Write::update(key, "SET #full_at = :next, expires_at = :expires")
                .only_if("attribute_not_exists(#full_at) OR #full_at < :now")
                .with([number(":next", now + self.interval())])
                .with(values.into_iter().filter(|(name, _)| name != ":interval"))
        } else {
            let last = now + self.period() - self.interval();
            Write::update(key, "SET #full_at = #full_at + :interval, expires_at = :expires")
                .only_if("#full_at BETWEEN :now AND :last")
                .with([number(":last", last)])
                .with(values)
        }
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed =
            text.split_once('/').and_then(|(burst, seconds)| Some((burst.parse().ok()?, seconds.parse().ok()?)));
        match parsed {
            Some((burst, seconds)) if (1..=1_000_000).contains(&burst) && (1..=86_400).contains(&seconds) => {
                Ok(Self { burst, seconds })
            }
            _ => Err("must be <requests>/<seconds>, such as 120/60".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_config::{BehaviorVersion, Region, retry::RetryConfig};
    use aws_sdk_sns::config::{Credentials, SharedCredentialsProvider};
    use proptest::prelude::*;

    use super::*;

    /// Returns a limiter whose table does not respond.
    fn without_table(limit: Limit) -> Limiter {
        let keys = Credentials::new("test", "test", None, None, "the test");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .endpoint_url("http://127.0.0.1:1")
            .credentials_provider(SharedCredentialsProvider::new(keys))
            .retry_config(RetryConfig::disabled())
            .build();
        Limiter { table: Table::connect(&config, "none".to_owned()), limit, rate: rate("1/1") }
    }

    #[tokio::test]
    async fn without_the_table_the_limit_of_writes_fails_open_and_the_others_fail_closed() {
        let request = Request::default();
        assert!(without_table(Limit::Writes).take(&request).await.is_ok());
        assert!(without_table(Limit::Logins).take(&request).await.is_err());
        assert!(without_table(Limit::Registrations).take(&request).await.is_err());
    }

    fn rate(text: &str) -> Rate {
        text.parse().expect("a rate")
    }

    #[test]
    fn a_bucket_allows_a_burst_and_then_one_request_per_interval() {
        let rate = rate("3/60");
        let mut full_at = None;
        for _ in 0..3 {
            full_at = Some(rate.take_token(full_at, 0).expect("a token"));
        }
        assert_eq!(rate.take_token(full_at, 0), Err(20 * MICROS));
        assert_eq!(rate.take_token(full_at, 19 * MICROS), Err(MICROS));
        assert_eq!(rate.take_token(full_at, 20 * MICROS), Ok(80 * MICROS));
        assert_eq!(rate.take_token(full_at, 500 * MICROS), Ok(520 * MICROS), "a bucket is never more than full");
    }

    #[test]
    fn invalid_rates_are_rejected() {
        for text in ["", "1", "0/1", "1/0", "-1/60", "a/b", "1/1/1", "1/100000"] {
            assert!(text.parse::<Rate>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_window_has_more_requests_than_a_burst_and_the_refilled_tokens(
            burst in 1_i64..50,
            seconds in 1_i64..100,
            pauses in prop::collection::vec(0_i64..3_000_000, 1..200),
        ) {
            let rate = Rate { burst, seconds };
            let (mut now, mut full_at, mut taken) = (0, None, Vec::new());
            for pause in pauses {
                now += pause;
                if let Ok(next) = rate.take_token(full_at, now) {
                    full_at = Some(next);
                    taken.push(now);
                }
            }
            for (first, start) in taken.iter().enumerate() {
                for (last, end) in taken.iter().enumerate().skip(first) {
                    let max = burst + (end - start) / rate.interval();
                    prop_assert!(i64::try_from(last - first + 1).expect("few") <= max);
                }
            }
        }
    }
}
