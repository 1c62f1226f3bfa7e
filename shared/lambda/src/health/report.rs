//! The results of the checks and the report that follows from them. There is no I/O here, and only public names are
//! used.

use std::collections::BTreeMap;

use kernel::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The status of a part. The status of several parts is the worst of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "HealthStatus")]
pub enum Status {
    /// The part works.
    Up,
    /// The part works, but an operator should look at what it could not process.
    Degraded,
    /// The part does not work or cannot be reached.
    Down,
}

/// The number of messages in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// Messages that wait for a consumer.
    pub waiting: u64,
    /// Messages that a consumer has received and not finished.
    pub in_flight: u64,
}

impl Depth {
    fn total(self) -> u64 {
        self.waiting + self.in_flight
    }
}

/// The state of the circuit breaker before the payment provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Circuit {
    /// The provider is called.
    Closed,
    /// The provider is down and is not called for a while.
    Open,
    /// The provider was down, and one call tests whether it still is.
    HalfOpen,
}

/// The state of the payment provider.
#[derive(Debug, Clone, Copy)]
pub struct FoundProvider {
    /// The state of its circuit.
    pub circuit: Circuit,
    /// Since when the circuit has this state, if it ever was open.
    pub since: Option<Timestamp>,
}

/// The results of the checks of a context.
#[derive(Debug, Default)]
pub struct FoundContext {
    /// Whether its table accepts reads and writes, if it has a table.
    pub table_is_active: Option<bool>,
    /// The results of its consumers.
    pub consumers: Vec<FoundConsumer>,
    /// Its payment provider, if it has one. The inner `None` is an unknown state.
    pub provider: Option<Option<FoundProvider>>,
}

/// The results of a consumer. `None` is a queue that could not be read.
#[derive(Debug)]
pub struct FoundConsumer {
    /// Its public name.
    pub name: String,
    /// The depth of its queue.
    pub queue: Option<Depth>,
    /// The depth of its dead-letter queue.
    pub dead_letters: Option<Depth>,
}

/// The health of the shop.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Health")]
pub struct Report {
    /// The worst status of all parts.
    pub status: Status,
    /// The time of the check.
    pub checked_at: Timestamp,
    contexts: BTreeMap<String, ContextHealth>,
    unpublished: Unpublished,
}

/// The health of one context, with its name.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "HealthOfContext")]
pub struct NamedContextHealth<'a> {
    /// The name of the context.
    pub name: &'a str,
    /// The time of the check.
    pub checked_at: Timestamp,
    /// The health of the context.
    #[serde(flatten)]
    pub health: &'a ContextHealth,
}

/// The health of a context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContextHealth {
    /// The worst status of its parts.
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

/// The payment provider. The circuit is null if its state is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
struct ProviderHealth {
    status: Status,
    circuit: Option<Circuit>,
    /// Since when the circuit has this state. It is missing if the circuit was never open.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
}

/// The queue of a consumer and its dead-letter queue. A number that is not known is null.
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
    /// Combines the health of all contexts.
    pub fn new(checked_at: Timestamp, contexts: BTreeMap<String, ContextHealth>, unpublished: Option<Depth>) -> Self {
        let unpublished = Unpublished { status: status_of_failures(unpublished), count: unpublished.map(Depth::total) };
        let status = worst(contexts.values().map(|context| context.status).chain([unpublished.status]));
        Self { status, checked_at, contexts, unpublished }
    }
}

impl ContextHealth {
    /// The health of a context that does not report it.
    pub fn unknown() -> Self {
        Self { status: Status::Down, table: None, queues: Vec::new(), provider: None }
    }

    /// The health of a context that responds, but rejects the request because of too many requests.
    pub fn busy() -> Self {
        Self { status: Status::Degraded, ..Self::unknown() }
    }
}

impl From<FoundContext> for ContextHealth {
    fn from(found: FoundContext) -> Self {
        let table = found
            .table_is_active
            .map(|is_active| TableHealth { status: if is_active { Status::Up } else { Status::Down } });
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
            // Orders are accepted, and their checkouts wait.
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
            status: reached.max(status_of_failures(found.dead_letters)),
            waiting: found.queue.map(|depth| depth.waiting),
            in_flight: found.queue.map(|depth| depth.in_flight),
            dead_letters: found.dead_letters.map(Depth::total),
        }
    }
}

/// Returns the status for a queue that should be empty.
fn status_of_failures(depth: Option<Depth>) -> Status {
    match depth.map(Depth::total) {
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

    fn context(table_is_active: bool, queues: &[(Option<Depth>, Option<Depth>)]) -> ContextHealth {
        let consumers = queues.iter().map(|(queue, dead_letters)| FoundConsumer {
            name: "Start".to_owned(),
            queue: *queue,
            dead_letters: *dead_letters,
        });
        FoundContext { table_is_active: Some(table_is_active), consumers: consumers.collect(), provider: None }.into()
    }

    fn report(contexts: Vec<ContextHealth>, unpublished: Option<Depth>) -> Report {
        let named = contexts.into_iter().enumerate().map(|(index, context)| (format!("c{index}"), context));
        Report::new(Timestamp::from_millis(0), named.collect(), unpublished)
    }

    #[test]
    fn a_working_context_is_up_whatever_its_queue_depth() {
        assert_eq!(context(true, &[]).status, Status::Up);
        assert_eq!(context(true, &[(EMPTY, EMPTY), (BUSY, EMPTY)]).status, Status::Up);
        assert_eq!(ContextHealth::from(FoundContext::default()).status, Status::Up);
    }

    #[test]
    fn dead_letters_degrade_the_status_even_in_flight() {
        assert_eq!(context(true, &[(EMPTY, EMPTY), (EMPTY, BUSY)]).status, Status::Degraded);
        let in_flight = Some(Depth { waiting: 0, in_flight: 1 });
        assert_eq!(context(true, &[(EMPTY, in_flight)]).status, Status::Degraded);
    }

    #[test]
    fn an_unreachable_part_is_down() {
        assert_eq!(context(false, &[(EMPTY, EMPTY)]).status, Status::Down);
        assert_eq!(context(true, &[(None, EMPTY)]).status, Status::Down);
        assert_eq!(context(true, &[(EMPTY, None), (EMPTY, BUSY)]).status, Status::Down);
    }

    #[test]
    fn an_open_circuit_degrades_the_status() {
        let with = |circuit| {
            ContextHealth::from(FoundContext {
                table_is_active: Some(true),
                consumers: Vec::new(),
                provider: Some(circuit),
            })
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
    fn the_worst_context_decides() {
        let healthy = || context(true, &[(BUSY, EMPTY)]);
        assert_eq!(report(vec![healthy(), healthy()], EMPTY).status, Status::Up);
        assert_eq!(report(vec![healthy(), context(true, &[(EMPTY, BUSY)])], EMPTY).status, Status::Degraded);
        assert_eq!(report(vec![context(false, &[]), context(true, &[(EMPTY, BUSY)])], EMPTY).status, Status::Down);
    }

    #[test]
    fn unpublished_events_degrade_the_status() {
        let healthy = || vec![context(true, &[])];
        assert_eq!(report(healthy(), BUSY).status, Status::Degraded);
        assert_eq!(report(healthy(), None).status, Status::Down);
    }

    #[test]
    fn is_serialized_as_documented() {
        let report = report(vec![context(true, &[(BUSY, EMPTY)]), FoundContext::default().into()], EMPTY);
        let queue = json!({ "name": "Start", "status": "up", "waiting": 7, "in_flight": 2, "dead_letters": 0 });
        let orders = json!({ "status": "up", "table": { "status": "up" }, "queues": [queue] });
        let expected = json!({
            "status": "up",
            "checked_at": "1970-01-01T00:00:00.000Z",
            "contexts": { "c0": orders, "c1": { "status": "up" } },
            "unpublished": { "status": "up", "count": 0 },
        });
        assert_eq!(serde_json::to_value(&report).expect("JSON"), expected);

        let one = NamedContextHealth { name: "c1", checked_at: report.checked_at, health: &report.contexts["c1"] };
        let one = serde_json::to_value(one).expect("JSON");
        assert_eq!(one, json!({ "name": "c1", "status": "up", "checked_at": "1970-01-01T00:00:00.000Z" }));
    }

    #[test]
    fn the_health_of_a_context_survives_a_round_trip() {
        let provider = FoundProvider { circuit: Circuit::Open, since: Some(Timestamp::from_millis(0)) };
        let busy = FoundConsumer { name: "Start".to_owned(), queue: BUSY, dead_letters: None };
        let found = FoundContext { table_is_active: Some(true), consumers: vec![busy], provider: Some(Some(provider)) };
        for health in [found.into(), FoundContext::default().into(), context(false, &[(None, BUSY)])] {
            let one = NamedContextHealth { name: "c1", checked_at: Timestamp::from_millis(0), health: &health };
            let text = serde_json::to_string(&one).expect("JSON");
            assert_eq!(serde_json::from_str::<ContextHealth>(&text).expect("a health"), health);
        }
        assert!(serde_json::from_str::<ContextHealth>(r#"{ "message": "Service Unavailable" }"#).is_err());
        assert!(serde_json::from_str::<ContextHealth>(r#"{ "status": 500, "code": "internal_error" }"#).is_err());
    }

    #[test]
    fn unknown_numbers_are_null() {
        let unreachable = serde_json::to_value(context(true, &[(None, None)])).expect("JSON");
        let queue =
            json!({ "name": "Start", "status": "down", "waiting": null, "in_flight": null, "dead_letters": null });
        assert_eq!(unreachable["queues"], json!([queue]));
    }
}
