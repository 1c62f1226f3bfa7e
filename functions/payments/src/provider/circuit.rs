//! Whether the provider is asked at all: while it is down, asking makes everybody wait, and keeps it down. Pure.
//!
//! ```text
//! closed ─► open ─► half-open ─► closed        when the provider answered the one that asked
//!             ▲         └──────► open          for longer, when it did not
//!             │         └──────► half-open     when that one has not come back: another asks
//! ```
//!
//! Closed, everybody asks, and nothing is written while all is well. Open, nobody asks. Half-open, one asks and all others are
//! refused. Each state is written under the version of the one before, so of all who come at once one becomes the one that asks.

use std::{collections::BTreeMap, time::Duration};

use kernel::{OrderId, Timestamp};
use serde::{Deserialize, Serialize};

/// How long a call counts.
const WINDOW: Duration = Duration::from_secs(30);

/// How many orders may be counted that have met a failure.
const MOST_ORDERS: usize = 100;

/// Of so many calls one at least must have failed.
const ONE_FAILED_OF: u64 = 2;

/// How long nobody asks, at first; twice as long after each time that the one who asks then fails.
const OPEN_FOR: Duration = Duration::from_secs(15);

/// How long nobody asks, at most.
const OPEN_AT_MOST: Duration = Duration::from_secs(120);

/// How much earlier than that it may be, so that not all circuits of a provider ask at once: a part of so many.
const EARLIER: u64 = 4;

/// How long the one who asks may take: more than the longest wait for a provider, and what is written before and after.
const PROBE_LIMIT: Duration = Duration::from_secs(10);

/// What the circuit does with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// Lets it through.
    Closed,
    /// Refuses it.
    Open,
    /// Refuses it: another one is on its way.
    HalfOpen,
}

impl State {
    /// As a metric: the larger, the worse.
    pub(crate) fn level(self) -> u8 {
        match self {
            Self::Closed => 0,
            Self::HalfOpen => 1,
            Self::Open => 2,
        }
    }
}

/// The circuit as everybody sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Circuit {
    pub(crate) state: State,
    /// Since when it is in this state; for another probe of the same outage, since the first one.
    pub(crate) since: Timestamp,
    /// When it may be asked again: open, at all; half-open, by another one.
    until: Timestamp,
    /// How often the one who asked has failed.
    failed_probes: u32,
    /// What was heard of the calls of the last seconds.
    recent: Recent,
    /// How often this was written.
    pub(crate) version: u64,
}

/// The calls of the last seconds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Recent {
    /// By second.
    calls: BTreeMap<i64, Tally>,
    /// The orders that failed last, and when.
    failing: BTreeMap<OrderId, Timestamp>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Tally {
    succeeded: u64,
    failed: u64,
}

/// What becomes of somebody who wants to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Admission {
    /// They ask.
    Ask,
    /// They ask, if they can write this: they are the one.
    Probe(Circuit),
    /// They do not ask.
    Refused,
}

impl Circuit {
    /// Whether somebody may ask who has read `circuit`; none is a closed one.
    pub(crate) fn admit(circuit: Option<&Self>, now: Timestamp) -> Admission {
        match circuit {
            None => Admission::Ask,
            Some(circuit) => match circuit.state {
                State::Closed => Admission::Ask,
                State::Open | State::HalfOpen if now < circuit.until => Admission::Refused,
                State::Open => Admission::Probe(circuit.becoming(State::HalfOpen, now, now, PROBE_LIMIT)),
                State::HalfOpen => Admission::Probe(circuit.becoming(State::HalfOpen, circuit.since, now, PROBE_LIMIT)),
            },
        }
    }

    /// The circuit after calls that everybody may make, of which the last failed; nothing, if it is not closed any more. It opens when
    /// `enough` orders have met a failure: one order that is tried again and again says little about the provider. `luck` is any number.
    pub(crate) fn after_failure(
        circuit: Option<&Self>,
        calls: &Recent,
        enough: usize,
        now: Timestamp,
        luck: u64,
    ) -> Option<Self> {
        let before = circuit.cloned().unwrap_or_else(|| Self::closed(now));
        if before.state != State::Closed {
            return None;
        }
        let mut recent = before.recent.clone();
        recent.add(calls);
        recent.forget(now);
        Some(if recent.is_of_an_outage(enough) {
            before.becoming(State::Open, now, now, pause(0, luck))
        } else {
            Self { recent, version: before.version + 1, ..before }
        })
    }

    /// This half-open circuit, after the one who asked was answered, or was not.
    pub(crate) fn after_probe(&self, is_well: bool, now: Timestamp, luck: u64) -> Self {
        if is_well {
            return Self { version: self.version + 1, ..Self::closed(now) };
        }
        let failed_probes = self.failed_probes.saturating_add(1);
        Self { failed_probes, ..self.becoming(State::Open, now, now, pause(failed_probes, luck)) }
    }

    fn closed(now: Timestamp) -> Self {
        let recent = Recent::default();
        Self { state: State::Closed, since: now, until: now, failed_probes: 0, recent, version: 0 }
    }

    fn becoming(&self, state: State, since: Timestamp, now: Timestamp, pause: Duration) -> Self {
        let until = later(now, pause);
        let (failed_probes, version) = (self.failed_probes, self.version + 1);
        Self { state, since, until, failed_probes, recent: Recent::default(), version }
    }
}

impl Recent {
    /// Another call, of this order.
    pub(crate) fn count(&mut self, order_id: OrderId, succeeded: bool, now: Timestamp) {
        self.forget(now);
        let tally = self.calls.entry(now.as_seconds()).or_default();
        if succeeded {
            tally.succeeded += 1;
        } else {
            tally.failed += 1;
            self.fails(order_id, now);
        }
    }

    fn add(&mut self, others: &Self) {
        for (second, other) in &others.calls {
            let tally = self.calls.entry(*second).or_default();
            tally.succeeded += other.succeeded;
            tally.failed += other.failed;
        }
        for (order_id, at) in &others.failing {
            self.fails(*order_id, *at);
        }
    }

    fn fails(&mut self, order_id: OrderId, at: Timestamp) {
        let last = self.failing.entry(order_id).or_insert(at);
        *last = at.max(*last);
        if self.failing.len() > MOST_ORDERS
            && let Some(oldest) = self.failing.iter().min_by_key(|(_, at)| **at).map(|(id, _)| *id)
        {
            self.failing.remove(&oldest);
        }
    }

    fn forget(&mut self, now: Timestamp) {
        let is_recent = |at: Timestamp| now < later(at, WINDOW);
        self.calls.retain(|second, _| is_recent(Timestamp::from_millis(second.saturating_mul(1_000))));
        self.failing.retain(|_, at| is_recent(*at));
    }

    fn is_of_an_outage(&self, enough: usize) -> bool {
        let sum = |part: fn(&Tally) -> u64| self.calls.values().map(part).sum::<u64>();
        let (failed, all) = (sum(|tally| tally.failed), sum(|tally| tally.failed + tally.succeeded));
        self.failing.len() >= enough && failed * ONE_FAILED_OF >= all
    }
}

/// How long nobody asks after so many failed probes.
fn pause(failed_probes: u32, luck: u64) -> Duration {
    let longest = OPEN_FOR.saturating_mul(2_u32.saturating_pow(failed_probes)).min(OPEN_AT_MOST);
    let millis = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(millis - luck % (millis / EARLIER))
}

fn later(time: Timestamp, by: Duration) -> Timestamp {
    Timestamp::from_millis(time.as_millis() + i64::try_from(by.as_millis()).unwrap_or(i64::MAX / 2))
}

#[cfg(test)]
mod tests;
