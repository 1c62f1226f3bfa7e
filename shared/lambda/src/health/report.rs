//! What was found, and what it means. No I/O, and no name that is not public.

use std::collections::BTreeMap;

use kernel::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How something is; of several, the worst counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "HealthStatus")]
pub enum Status {
    /// It works.
    Up,
    /// It works, and a person should look at what it could not do.
    Degraded,
    /// It cannot be reached, or does not work.
    Down,
}

/// How many messages a queue holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// That nobody took yet.
    pub waiting: u64,
    /// That somebody took and is not done with.
    pub in_flight: u64,
}

impl Depth {
    fn all(self) -> u64 {
        self.waiting + self.in_flight
    }
}

/// Whether the payment provider is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Circuit {
    /// It is.
    Closed,
    /// It is down, and is not asked for a while.
    Open,
    /// It was down, and one call is on its way to see whether it still is.
    HalfOpen,
}

/// What was found of the payment provider.
#[derive(Debug, Clone, Copy)]
pub struct FoundProvider {
    /// Whether it is asked.
    pub circuit: Circuit,
    /// Since when, if it ever was not.
    pub since: Option<Timestamp>,
}

/// What was found of a context; `None` is what could not be reached.
#[derive(Debug, Default)]
pub struct Found {
    /// Whether its table takes reads and writes, if it has one.
    pub table_works: Option<bool>,
    /// Its consumers.
    pub consumers: Vec<FoundConsumer>,
    /// Its provider, if it has one.
    pub provider: Option<Option<FoundProvider>>,
}

/// What was found of a consumer; `None` is what could not be reached.
#[derive(Debug)]
pub struct FoundConsumer {
    /// Its public name.
    pub name: String,
    /// Its queue.
    pub queue: Option<Depth>,
    /// Its dead-letter queue.
    pub dead_letters: Option<Depth>,
}

/// How the shop is.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Health")]
pub struct Report {
    /// The worst of all.
    pub status: Status,
    /// When it was looked at.
    pub checked_at: Timestamp,
    contexts: BTreeMap<String, ContextHealth>,
    unpublished: Unpublished,
}

/// How one context is, by itself.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "HealthOfContext")]
pub struct OneContext<'a> {
    /// Which.
    pub name: &'a str,
    /// When it was looked at.
    pub checked_at: Timestamp,
    /// How it is.
    #[serde(flatten)]
    pub health: &'a ContextHealth,
}

/// How a context is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContextHealth {
    /// The worst of its parts.
    pub status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<TableHealth>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    queues: Vec<QueueHealth>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<ProviderHealth>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
struct TableHealth {
    status: Status,
}

/// The payment provider, as far as payments knows; a circuit that is not known is null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
struct ProviderHealth {
    status: Status,
    circuit: Option<Circuit>,
    /// Since when; not there if it never was anything but closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
}

/// A consumer's queue with its dead letters; a number that is not known is null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
struct QueueHealth {
    name: String,
    status: Status,
    waiting: Option<u64>,
    in_flight: Option<u64>,
    dead_letters: Option<u64>,
}

/// Events that could not be published.
#[derive(Debug, Serialize, JsonSchema)]
struct Unpublished {
    status: Status,
    count: Option<u64>,
}

impl Report {
    /// What the findings mean together.
    pub fn new(checked_at: Timestamp, contexts: BTreeMap<String, ContextHealth>, unpublished: Option<Depth>) -> Self {
        let unpublished = Unpublished { status: left_behind(unpublished), count: unpublished.map(Depth::all) };
        let status = worst(contexts.values().map(|context| context.status).chain([unpublished.status]));
        Self { status, checked_at, contexts, unpublished }
    }
}

impl ContextHealth {
    /// What is said of a context that does not say it itself.
    pub fn unknown() -> Self {
        Self { status: Status::Down, table: None, queues: Vec::new(), provider: None }
    }

    /// The health of a context that answers, but has too many requests to say how it is.
    pub fn busy() -> Self {
        Self { status: Status::Degraded, ..Self::unknown() }
    }
}

impl From<Found> for ContextHealth {
    fn from(found: Found) -> Self {
        let table =
            found.table_works.map(|works| TableHealth { status: if works { Status::Up } else { Status::Down } });
        let queues: Vec<QueueHealth> = found.consumers.into_iter().map(QueueHealth::from).collect();
        let provider = found.provider.map(ProviderHealth::from);
        let parts = table.iter().map(|table| table.status).chain(queues.iter().map(|queue| queue.status));
        let parts = parts.chain(provider.iter().map(|provider| provider.status));
        Self { status: worst(parts), table, queues, provider }
    }
}

impl From<Option<FoundProvider>> for ProviderHealth {
    fn from(found: Option<FoundProvider>) -> Self {
        let status = match found.map(|found| found.circuit) {
            Some(Circuit::Closed) => Status::Up,
            // Orders are taken, and wait.
            Some(Circuit::Open | Circuit::HalfOpen) => Status::Degraded,
            None => Status::Down,
        };
        Self { status, circuit: found.map(|found| found.circuit), since: found.and_then(|found| found.since) }
    }
}

impl From<FoundConsumer> for QueueHealth {
    fn from(found: FoundConsumer) -> Self {
        let reached = if found.queue.is_some() { Status::Up } else { Status::Down };
        Self {
            name: found.name,
            status: reached.max(left_behind(found.dead_letters)),
            waiting: found.queue.map(|depth| depth.waiting),
            in_flight: found.queue.map(|depth| depth.in_flight),
            dead_letters: found.dead_letters.map(Depth::all),
        }
    }
}

/// What a queue says in which nothing should be.
fn left_behind(depth: Option<Depth>) -> Status {
    match depth.map(Depth::all) {
        None => Status::Down,
        Some(0) => Status::Up,
        Some(_) => Status::Degraded,
    }
}

fn worst(parts: impl Iterator<Item = Status>) -> Status {
    parts.max().unwrap_or(Status::Up)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const EMPTY: Option<Depth> = Some(Depth { waiting: 0, in_flight: 0 });
    const BUSY: Option<Depth> = Some(Depth { waiting: 7, in_flight: 2 });

    fn context(table_works: bool, queues: &[(Option<Depth>, Option<Depth>)]) -> ContextHealth {
        let consumers = queues.iter().map(|(queue, dead_letters)| FoundConsumer {
            name: "Start".to_owned(),
            queue: *queue,
            dead_letters: *dead_letters,
        });
        Found { table_works: Some(table_works), consumers: consumers.collect(), provider: None }.into()
    }

    fn report(contexts: Vec<ContextHealth>, unpublished: Option<Depth>) -> Report {
        let named = contexts.into_iter().enumerate().map(|(index, context)| (format!("c{index}"), context));
        Report::new(Timestamp::from_millis(0), named.collect(), unpublished)
    }

    #[test]
    fn what_works_is_up_however_much_waits() {
        assert_eq!(context(true, &[]).status, Status::Up);
        assert_eq!(context(true, &[(EMPTY, EMPTY), (BUSY, EMPTY)]).status, Status::Up);
        assert_eq!(ContextHealth::from(Found::default()).status, Status::Up);
    }

    #[test]
    fn dead_letters_degrade_even_while_somebody_looks_at_them() {
        assert_eq!(context(true, &[(EMPTY, EMPTY), (EMPTY, BUSY)]).status, Status::Degraded);
        let looked_at = Some(Depth { waiting: 0, in_flight: 1 });
        assert_eq!(context(true, &[(EMPTY, looked_at)]).status, Status::Degraded);
    }

    #[test]
    fn what_cannot_be_reached_is_down() {
        assert_eq!(context(false, &[(EMPTY, EMPTY)]).status, Status::Down);
        assert_eq!(context(true, &[(None, EMPTY)]).status, Status::Down);
        assert_eq!(context(true, &[(EMPTY, None), (EMPTY, BUSY)]).status, Status::Down);
    }

    #[test]
    fn a_provider_that_is_not_asked_degrades() {
        let with = |circuit| {
            ContextHealth::from(Found { table_works: Some(true), consumers: Vec::new(), provider: Some(circuit) })
        };
        let since = Some(Timestamp::from_millis(0));
        let statuses = [Circuit::Closed, Circuit::Open, Circuit::HalfOpen]
            .map(|circuit| with(Some(FoundProvider { circuit, since })).status);
        assert_eq!(statuses, [Status::Up, Status::Degraded, Status::Degraded]);
        assert_eq!(with(None).status, Status::Down);

        let provider = |circuit| serde_json::to_value(with(circuit)).expect("JSON")["provider"].clone();
        let open = json!({ "status": "degraded", "circuit": "open", "since": "1970-01-01T00:00:00.000Z" });
        assert_eq!(provider(Some(FoundProvider { circuit: Circuit::Open, since })), open);
        let never_open = provider(Some(FoundProvider { circuit: Circuit::Closed, since: None }));
        assert_eq!(never_open, json!({ "status": "up", "circuit": "closed" }));
        assert_eq!(provider(None), json!({ "status": "down", "circuit": null }));
    }

    #[test]
    fn one_context_of_many_decides() {
        let fine = || context(true, &[(BUSY, EMPTY)]);
        assert_eq!(report(vec![fine(), fine()], EMPTY).status, Status::Up);
        assert_eq!(report(vec![fine(), context(true, &[(EMPTY, BUSY)])], EMPTY).status, Status::Degraded);
        assert_eq!(report(vec![context(false, &[]), context(true, &[(EMPTY, BUSY)])], EMPTY).status, Status::Down);
    }

    #[test]
    fn unpublished_events_count() {
        let fine = || vec![context(true, &[])];
        assert_eq!(report(fine(), BUSY).status, Status::Degraded);
        assert_eq!(report(fine(), None).status, Status::Down);
    }

    #[test]
    fn has_its_form() {
        let report = report(vec![context(true, &[(BUSY, EMPTY)]), Found::default().into()], EMPTY);
        let queue = json!({ "name": "Start", "status": "up", "waiting": 7, "in_flight": 2, "dead_letters": 0 });
        let orders = json!({ "status": "up", "table": { "status": "up" }, "queues": [queue] });
        let expected = json!({
            "status": "up",
            "checked_at": "1970-01-01T00:00:00.000Z",
            "contexts": { "c0": orders, "c1": { "status": "up" } },
            "unpublished": { "status": "up", "count": 0 },
        });
        assert_eq!(serde_json::to_value(&report).expect("JSON"), expected);

        let one = OneContext { name: "c1", checked_at: report.checked_at, health: &report.contexts["c1"] };
        let one = serde_json::to_value(one).expect("JSON");
        assert_eq!(one, json!({ "name": "c1", "status": "up", "checked_at": "1970-01-01T00:00:00.000Z" }));
    }

    #[test]
    fn what_a_context_says_of_itself_is_read_as_it_is_said() {
        let provider = FoundProvider { circuit: Circuit::Open, since: Some(Timestamp::from_millis(0)) };
        let busy = FoundConsumer { name: "Start".to_owned(), queue: BUSY, dead_letters: None };
        let found = Found { table_works: Some(true), consumers: vec![busy], provider: Some(Some(provider)) };
        for health in [found.into(), Found::default().into(), context(false, &[(None, BUSY)])] {
            let one = OneContext { name: "c1", checked_at: Timestamp::from_millis(0), health: &health };
            let said = serde_json::to_string(&one).expect("JSON");
            assert_eq!(serde_json::from_str::<ContextHealth>(&said).expect("its health"), health);
        }
        assert!(serde_json::from_str::<ContextHealth>(r#"{ "message": "Service Unavailable" }"#).is_err());
        assert!(serde_json::from_str::<ContextHealth>(r#"{ "status": 500, "code": "internal_error" }"#).is_err());
    }

    #[test]
    fn what_is_not_known_is_null() {
        let lost = serde_json::to_value(context(true, &[(None, None)])).expect("JSON");
        let queue =
            json!({ "name": "Start", "status": "down", "waiting": null, "in_flight": null, "dead_letters": null });
        assert_eq!(lost["queues"], json!([queue]));
    }
}
