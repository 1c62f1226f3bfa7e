//! The circuit of the provider. While the provider is unavailable, calls would make all requests wait, and would keep
//! it unavailable. Pure.
//!
//! ```text
//! closed ─► open ─► half-open ─► closed        if the probe succeeds
//!                       ├──────► open          if the probe fails, for a longer pause
//!                       └──────► half-open     if the probe does not return: another one starts
//! ```
//!
//! While the circuit is closed, all calls are allowed, and nothing is written as long as they succeed. While it is
//! open, all calls are rejected. While it is half-open, one caller probes the provider and all others are rejected.
//! Each state is written on the condition that the version of the previous one has not changed, so that only one caller
//! starts the probe.

use std::{collections::BTreeMap, time::Duration};

use kernel::{OrderId, Timestamp};
use serde::{Deserialize, Serialize};

/// How long a call is counted.
const WINDOW: Duration = Duration::from_secs(30);

/// The maximum number of failing orders that are counted.
const MAX_ORDERS: usize = 100;

/// The circuit opens only if at least one in so many calls failed.
const MAX_CALLS_PER_FAILURE: u64 = 2;

/// The first pause, during which the circuit is open. Each failed probe doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(15);

/// The maximum pause.
const MAX_PAUSE: Duration = Duration::from_secs(120);

/// A pause is shortened by a random part of up to one in so many, so that not all circuits probe the provider at once.
const JITTER_DIVISOR: u64 = 4;

/// How long a probe may take: longer than the time limit of a call and the writes before and after it.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

/// The state of a circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// Calls are allowed.
    Closed,
    /// Calls are rejected.
    Open,
    /// Calls are rejected while a probe is under way.
    HalfOpen,
}

impl State {
    /// Returns the value of the metric: the larger, the worse.
    pub(crate) fn level(self) -> u8 {
        match self {
            Self::Closed => 0,
            Self::HalfOpen => 1,
            Self::Open => 2,
        }
    }
}

/// The circuit as it is in the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Circuit {
    pub(crate) state: State,
    /// When it entered this state. If another probe replaces one, this is still the start of the first one.
    pub(crate) since: Timestamp,
    /// When the next probe may start.
    until: Timestamp,
    /// The number of probes that have failed since it opened.
    failed_probes: u32,
    /// The reported calls of the last seconds.
    recent: RecentCalls,
    /// The number of writes, for optimistic locking.
    pub(crate) version: u64,
}

/// The calls of the last seconds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RecentCalls {
    /// The numbers of calls by second.
    calls: BTreeMap<i64, Tally>,
    /// The orders that met a failure, and when they last did.
    failing: BTreeMap<OrderId, Timestamp>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Tally {
    succeeded: u64,
    failed: u64,
}

/// Whether a caller may call the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Admission {
    /// The caller may.
    Allowed,
    /// The caller may, as the probe, if it can write this circuit.
    Probe(Circuit),
    /// The caller may not.
    Rejected,
}

impl Circuit {
    /// Returns whether a caller that has read `circuit` may call the provider. A missing circuit is a closed one.
    pub(crate) fn admit(circuit: Option<&Self>, now: Timestamp) -> Admission {
        match circuit {
            None => Admission::Allowed,
            Some(circuit) => match circuit.state {
                State::Closed => Admission::Allowed,
                State::Open | State::HalfOpen if now < circuit.until => Admission::Rejected,
                State::Open => Admission::Probe(circuit.with_state(State::HalfOpen, now, now, PROBE_TIMEOUT)),
                State::HalfOpen => {
                    Admission::Probe(circuit.with_state(State::HalfOpen, circuit.since, now, PROBE_TIMEOUT))
                }
            },
        }
    }

    /// Returns the circuit after `calls`, of which the last failed, or `None` if it is no longer closed. It opens when
    /// `threshold` orders have met a failure: the failures of one order that is retried say little about the provider.
    /// `random` is any number.
    pub(crate) fn after_failure(
        circuit: Option<&Self>,
        calls: &RecentCalls,
        threshold: usize,
        now: Timestamp,
        random: u64,
    ) -> Option<Self> {
        let before = circuit.cloned().unwrap_or_else(|| Self::closed(now));
        if before.state != State::Closed {
            return None;
        }
        let mut recent = before.recent.clone();
        recent.add(calls);
        recent.expire(now);
        Some(if recent.is_outage(threshold) {
            before.with_state(State::Open, now, now, pause(0, random))
        } else {
            Self { recent, version: before.version + 1, ..before }
        })
    }

    /// Returns this half-open circuit after its probe.
    pub(crate) fn after_probe(&self, succeeded: bool, now: Timestamp, random: u64) -> Self {
        if succeeded {
            return Self { version: self.version + 1, ..Self::closed(now) };
        }
        let failed_probes = self.failed_probes.saturating_add(1);
        Self { failed_probes, ..self.with_state(State::Open, now, now, pause(failed_probes, random)) }
    }

    fn closed(now: Timestamp) -> Self {
        let recent = RecentCalls::default();
        Self { state: State::Closed, since: now, until: now, failed_probes: 0, recent, version: 0 }
    }

    fn with_state(&self, state: State, since: Timestamp, now: Timestamp, pause: Duration) -> Self {
        let until = later(now, pause);
        let (failed_probes, version) = (self.failed_probes, self.version + 1);
        Self { state, since, until, failed_probes, recent: RecentCalls::default(), version }
    }
}

impl RecentCalls {
    /// Counts a call for an order.
    pub(crate) fn count(&mut self, order_id: OrderId, succeeded: bool, now: Timestamp) {
        self.expire(now);
        let tally = self.calls.entry(now.as_seconds()).or_default();
        if succeeded {
            tally.succeeded += 1;
        } else {
            tally.failed += 1;
            self.add_failing(order_id, now);
        }
    }

    fn add(&mut self, others: &Self) {
        for (second, other) in &others.calls {
            let tally = self.calls.entry(*second).or_default();
            tally.succeeded += other.succeeded;
            tally.failed += other.failed;
        }
        for (order_id, at) in &others.failing {
            self.add_failing(*order_id, *at);
        }
    }

    fn add_failing(&mut self, order_id: OrderId, at: Timestamp) {
        let last = self.failing.entry(order_id).or_insert(at);
        *last = at.max(*last);
        if self.failing.len() > MAX_ORDERS
            && let Some(oldest) = self.failing.iter().min_by_key(|(_, at)| **at).map(|(id, _)| *id)
        {
            self.failing.remove(&oldest);
        }
    }

    fn expire(&mut self, now: Timestamp) {
        let is_recent = |at: Timestamp| now < later(at, WINDOW);
        self.calls.retain(|second, _| is_recent(Timestamp::from_millis(second.saturating_mul(1_000))));
        self.failing.retain(|_, at| is_recent(*at));
    }

    fn is_outage(&self, threshold: usize) -> bool {
        let sum = |part: fn(&Tally) -> u64| self.calls.values().map(part).sum::<u64>();
        let (failed, all) = (sum(|tally| tally.failed), sum(|tally| tally.failed + tally.succeeded));
        self.failing.len() >= threshold && failed * MAX_CALLS_PER_FAILURE >= all
    }
}

/// Returns the pause after so many failed probes.
fn pause(failed_probes: u32, random: u64) -> Duration {
    let longest = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(failed_probes)).min(MAX_PAUSE);
    let millis = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(millis - random % (millis / JITTER_DIVISOR))
}

fn later(time: Timestamp, by: Duration) -> Timestamp {
    Timestamp::from_millis(time.as_millis() + i64::try_from(by.as_millis()).unwrap_or(i64::MAX / 2))
}

#[cfg(test)]
mod tests;
