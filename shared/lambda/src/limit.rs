//! Rate limits: token buckets in the table of the context that they protect.
//!
//! | item | pk | sk |
//! | --- | --- | --- |
//! | bucket | `LIMIT#<limit>#<user or address>` | `BUCKET` |
//!
//! A bucket is one number, the moment at which it will be full again (the generic cell rate algorithm of ITU-T I.371). A request
//! moves it by the time that one token takes to come back, and is refused when that would be further ahead than a whole bucket. The
//! clock is the request's. DynamoDB has no maximum of two numbers, so a full bucket and one in use are two different writes; who
//! has not read the bucket tries the first, and only if it is in use the second.

use std::{str::FromStr, time::Duration};

use aws_config::SdkConfig;
use dynamo::{Item, Key, Table, TransactError, Write, number};
use kernel::Timestamp;

use crate::{Error, env, http::Request, policy::Limit, problem::Problem};

/// So many requests in so much time; as a parameter `120/60`: 120 in 60 seconds, at once or spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rate {
    burst: i64,
    seconds: i64,
}

/// What a client has left, for the headers of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    pub(crate) name: &'static str,
    pub(crate) limit: i64,
    pub(crate) window_seconds: i64,
    pub(crate) remaining: i64,
    /// Until the bucket is full again.
    pub(crate) reset_seconds: i64,
}

/// One limit over one table.
pub struct Limiter {
    table: Table,
    limit: Limit,
    rate: Rate,
}

/// How often a request that met others at its bucket is tried.
const TRIES: usize = 4;

const MICROS: i64 = 1_000_000;

impl Limiter {
    /// `limit` over the context's table.
    ///
    /// # Errors
    /// When the template did not set `TABLE_NAME` or the limit's own variable.
    pub fn connect(config: &SdkConfig, limit: Limit) -> Result<Self, Error> {
        Self::over(Table::connect(config, env("TABLE_NAME")?), limit)
    }

    /// As [`Limiter::connect`], for who has the table already.
    ///
    /// # Errors
    /// When the template did not set the limit's own variable.
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

    /// Takes a token for `request`: one conditional write, two if the bucket is in use.
    ///
    /// # Errors
    /// 429 when there is none; a fault of the store, where the limit fails closed.
    pub async fn take(&self, request: &Request) -> Result<(), Problem> {
        let mut found = None;
        for _ in 0..TRIES {
            let charge = self.charge(found.as_ref(), request)?;
            match self.table.write(charge).await {
                Ok(()) => return Ok(()),
                Err(TransactError::Refused(refusal)) => found = refusal.found(0).cloned(),
                Err(TransactError::Store(error)) if self.limit == Limit::Writes => {
                    tracing::error!(%error, "the rate limit was not counted");
                    return Ok(());
                }
                Err(TransactError::Store(error)) => return Err(error.into()),
            }
        }
        Err(self.refusal(request, 1)) // so many at once that none of them gets at the bucket
    }

    /// Where the bucket of `request` lies, for a read together with others.
    pub fn key(&self, request: &Request) -> Key {
        let whose = match self.limit {
            Limit::Writes => request.caller().map_or_else(|_| request.address(), |caller| caller.user_id.to_string()),
            _ => request.address(),
        };
        Key::new(format!("LIMIT#{}#{whose}", name(self.limit)), "BUCKET")
    }

    /// The write that takes a token for `request` from the bucket that was found, for a transaction together with others. What is
    /// left is told in the answer's headers.
    ///
    /// # Errors
    /// 429 when there is none.
    pub fn charge(&self, found: Option<&Item>, request: &Request) -> Result<Write, Problem> {
        let full_at = found.and_then(full_at);
        let now = micros(request.now);
        match self.rate.after_one_more(full_at, now) {
            Ok(next) => {
                request.tell(self.quota(next - now));
                Ok(self.rate.write(self.key(request), full_at, now))
            }
            Err(wait) => Err(self.refusal(request, wait)),
        }
    }

    fn refusal(&self, request: &Request, wait_micros: i64) -> Problem {
        request.tell(self.quota(self.rate.period()));
        rate_limited(Duration::from_micros(wait_micros.unsigned_abs()))
    }

    /// What is left in a bucket that is full again in `micros`.
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
    Problem::too_many("rate_limited", wait, "These were too many requests in too short a time.")
}

/// The limit's name in headers and keys.
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
    /// How long one token takes to come back, in microseconds.
    fn interval(self) -> i64 {
        (self.seconds * MICROS / self.burst).max(1)
    }

    /// How long an empty bucket takes to be full again, in microseconds.
    fn period(self) -> i64 {
        self.interval() * self.burst
    }

    /// When a bucket that is full again at `full_at` will be full after one more request; or how long to wait for that.
    fn after_one_more(self, full_at: Option<i64>, now: i64) -> Result<i64, i64> {
        let next = full_at.unwrap_or(now).max(now) + self.interval();
        let too_far = next - now - self.period();
        if too_far > 0 { Err(too_far) } else { Ok(next) }
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
    use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
    use aws_sdk_sns::config::{Credentials, SharedCredentialsProvider};
    use proptest::prelude::*;

    use super::*;

    /// A limiter whose table does not answer.
    fn blind(limit: Limit) -> Limiter {
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
    async fn without_its_table_a_limit_of_writes_is_open_and_the_others_are_closed() {
        let request = Request::new(ApiGatewayV2httpRequest::default());
        assert!(blind(Limit::Writes).take(&request).await.is_ok());
        assert!(blind(Limit::Logins).take(&request).await.is_err());
        assert!(blind(Limit::Registrations).take(&request).await.is_err());
    }

    fn rate(text: &str) -> Rate {
        text.parse().expect("a rate")
    }

    #[test]
    fn a_bucket_gives_its_tokens_at_once_and_then_one_by_one() {
        let rate = rate("3/60");
        let mut full_at = None;
        for _ in 0..3 {
            full_at = Some(rate.after_one_more(full_at, 0).expect("a token"));
        }
        assert_eq!(rate.after_one_more(full_at, 0), Err(20 * MICROS));
        assert_eq!(rate.after_one_more(full_at, 19 * MICROS), Err(MICROS));
        assert_eq!(rate.after_one_more(full_at, 20 * MICROS), Ok(80 * MICROS));
        assert_eq!(rate.after_one_more(full_at, 500 * MICROS), Ok(520 * MICROS), "it is never more than full");
    }

    #[test]
    fn what_is_not_a_rate_is_refused() {
        for text in ["", "1", "0/1", "1/0", "-1/60", "a/b", "1/1/1", "1/100000"] {
            assert!(text.parse::<Rate>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn in_no_window_are_there_more_than_a_bucket_and_what_came_back(
            burst in 1_i64..50,
            seconds in 1_i64..100,
            pauses in prop::collection::vec(0_i64..3_000_000, 1..200),
        ) {
            let rate = Rate { burst, seconds };
            let (mut now, mut full_at, mut taken) = (0, None, Vec::new());
            for pause in pauses {
                now += pause;
                if let Ok(next) = rate.after_one_more(full_at, now) {
                    full_at = Some(next);
                    taken.push(now);
                }
            }
            for (first, start) in taken.iter().enumerate() {
                for (last, end) in taken.iter().enumerate().skip(first) {
                    let most = burst + (end - start) / rate.interval();
                    prop_assert!(i64::try_from(last - first + 1).expect("few") <= most);
                }
            }
        }
    }
}
