use proptest::prelude::*;

use super::*;

/// How many orders have to meet a failure before the circuit opens.
const THRESHOLD: usize = 5;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_767_323_045_000 + millis)
}

fn order(name: u8) -> OrderId {
    OrderId::from([name; 16])
}

/// Returns the calls of an environment at one moment: the number of those that succeeded, and the orders that failed.
fn calls(now: Timestamp, succeeded: usize, failing: &[u8]) -> RecentCalls {
    let mut recent = RecentCalls::default();
    (0..succeeded).for_each(|_| recent.count(order(0), true, now));
    failing.iter().for_each(|name| recent.count(order(*name), false, now));
    recent
}

/// Returns the circuit after each of these orders has failed, at these moments.
fn after(failures: &[(i64, u8)], succeeded: usize) -> Circuit {
    let mut circuit = None;
    for (index, (millis, name)) in failures.iter().enumerate() {
        let calls = calls(at(*millis), if index == 0 { succeeded } else { 0 }, &[*name]);
        circuit = Circuit::after_failure(circuit.as_ref(), &calls, THRESHOLD, at(*millis), 0).or(circuit);
    }
    circuit.expect("a circuit")
}

#[test]
fn opens_after_failures_of_five_orders() {
    assert_eq!(after(&[(0, 1), (1, 2), (2, 3), (3, 4)], 0).state, State::Closed);
    assert_eq!(after(&[(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)], 0).state, State::Open);
    assert_eq!(after(&[(0, 1), (1, 1), (2, 1), (3, 1), (4, 1), (5, 2)], 0).state, State::Closed, "two orders");
}

#[test]
fn opens_only_if_at_least_half_of_the_calls_failed() {
    let five = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)];
    assert_eq!(after(&five, 5).state, State::Open);
    assert_eq!(after(&five, 6).state, State::Closed);
}

#[test]
fn counts_calls_of_the_last_thirty_seconds() {
    let spread = |last| [(0, 1), (7_000, 2), (14_000, 3), (21_000, 4), (last, 5)];
    assert_eq!(after(&spread(29_999), 0).state, State::Open);
    assert_eq!(after(&spread(30_000), 0).state, State::Closed);
    let mut recent = calls(at(0), 1_000, &[]);
    recent.count(order(1), false, at(30_000));
    assert_eq!(recent, calls(at(30_000), 0, &[1]), "an environment does not count older calls");
}

#[test]
fn a_pause_is_fifteen_seconds_and_doubles_up_to_two_minutes() {
    let seconds = |failed| pause(failed, 0).as_secs();
    assert_eq!([0, 1, 2, 3, 4, 5, u32::MAX].map(seconds), [15, 30, 60, 120, 120, 120, 120]);
    assert!((0..20_000).all(|random| (11_250..=15_000).contains(&pause(0, random).as_millis())));
}

fn open() -> Circuit {
    after(&[(0, 1), (0, 2), (0, 3), (0, 4), (0, 5)], 0)
}

fn probe(circuit: &Circuit, now: Timestamp) -> Circuit {
    match Circuit::admit(Some(circuit), now) {
        Admission::Probe(probing) => probing,
        other => panic!("{other:?}, not a probe of {circuit:?}"),
    }
}

#[test]
fn allows_one_probe_after_the_pause() {
    assert_eq!(Circuit::admit(Some(&open()), at(14_999)), Admission::Rejected);
    let probing = probe(&open(), at(15_000));
    assert_eq!((probing.state, probing.since), (State::HalfOpen, at(15_000)));
    assert_eq!(Circuit::admit(Some(&probing), at(15_001)), Admission::Rejected);
}

#[test]
fn replaces_a_probe_that_does_not_return() {
    let probing = probe(&open(), at(15_000));
    assert_eq!(Circuit::admit(Some(&probing), at(24_999)), Admission::Rejected);
    let another = probe(&probing, at(25_000));
    assert_eq!(another.since, probing.since);
    assert!(another.version > probing.version);
}

#[test]
fn closes_after_a_successful_probe_and_opens_for_longer_after_a_failed_one() {
    let probing = probe(&open(), at(15_000));
    let closed = probing.after_probe(true, at(15_100), 0);
    assert_eq!((closed.state, closed.since), (State::Closed, at(15_100)));
    assert_eq!(Circuit::admit(Some(&closed), at(15_101)), Admission::Allowed);
    let again = probing.after_probe(false, at(18_000), 0);
    assert_eq!((again.state, again.since), (State::Open, at(18_000)));
    assert_eq!(Circuit::admit(Some(&again), at(47_999)), Admission::Rejected);
    assert_eq!(probe(&again, at(48_000)).after_probe(true, at(48_001), 0).failed_probes, 0);
}

#[test]
fn a_circuit_survives_the_table() {
    let closed = after(&[(0, 1), (1, 2), (7_000, 3)], 2);
    for circuit in [closed, open(), probe(&open(), at(15_000))] {
        let item = dynamo::item(&dynamo::Key::new("CIRCUIT", "simulator"), &circuit).expect("an item");
        assert_eq!(serde_dynamo::from_item::<_, Circuit>(item).expect("a circuit"), circuit);
    }
}

#[test]
fn late_failures_do_not_change_an_open_circuit() {
    let calls = calls(at(1), 0, &[9]);
    for circuit in [open(), probe(&open(), at(15_000))] {
        assert_eq!(Circuit::after_failure(Some(&circuit), &calls, THRESHOLD, at(16_000), 0), None);
    }
}

/// A call without a response yet.
#[derive(Debug, Clone)]
struct PendingCall {
    order: OrderId,
    /// The half-open circuit, if the call is a probe.
    probe: Option<Circuit>,
    since: i64,
}

/// A circuit, with three environments that call the provider.
#[derive(Debug, Default)]
struct Simulation {
    now: i64,
    circuit: Option<Circuit>,
    /// The calls of each environment that are not in the table yet.
    unreported: [RecentCalls; 3],
    calls: [Option<PendingCall>; 3],
    /// The circuit as each environment has read it.
    read: [Option<Circuit>; 3],
}

#[derive(Debug, Clone, Copy)]
enum Event {
    TimePasses(i64),
    Read(usize),
    Call(usize, u8),
    Response(usize),
    Crash(usize),
}

impl Simulation {
    fn write(&mut self, seen: Option<&Circuit>, next: Circuit) -> bool {
        let version = |circuit: &Circuit| circuit.version;
        let is_allowed = self.circuit.as_ref().map(version) == seen.map(version);
        if is_allowed {
            self.circuit = Some(next);
        }
        is_allowed
    }

    fn handle(&mut self, event: Event, succeeded: bool, random: u64) {
        match event {
            Event::TimePasses(millis) => self.now += millis,
            Event::Read(index) => self.read[index] = self.circuit.clone(),
            Event::Call(index, name) if self.calls[index].is_none() => {
                let read = self.read[index].clone();
                let probe = match Circuit::admit(read.as_ref(), at(self.now)) {
                    Admission::Allowed => None,
                    Admission::Probe(next) if self.write(read.as_ref(), next.clone()) => Some(next),
                    Admission::Probe(_) | Admission::Rejected => return,
                };
                self.calls[index] = Some(PendingCall { order: order(name), probe, since: self.now });
                self.check_probes();
            }
            Event::Call(..) => {}
            Event::Response(index) => {
                if let Some(call) = self.calls[index].take() {
                    self.report(index, &call, succeeded, random);
                }
            }
            Event::Crash(index) => {
                self.calls[index] = None;
                self.unreported[index] = RecentCalls::default();
                self.read[index] = None;
            }
        }
    }

    fn report(&mut self, index: usize, call: &PendingCall, succeeded: bool, random: u64) {
        if let Some(probe) = &call.probe {
            let next = probe.after_probe(succeeded, at(self.now), random);
            self.write(Some(probe), next);
            return;
        }
        self.unreported[index].count(call.order, succeeded, at(self.now));
        if !succeeded {
            let seen = self.circuit.clone();
            let next = Circuit::after_failure(seen.as_ref(), &self.unreported[index], THRESHOLD, at(self.now), random);
            if next.is_some_and(|next| self.write(seen.as_ref(), next)) {
                self.unreported[index] = RecentCalls::default();
            }
        }
    }

    /// Checks that no more than one probe is under way within its time limit.
    fn check_probes(&self) {
        let limit = i64::try_from(PROBE_TIMEOUT.as_millis()).expect("some seconds");
        let in_time = |call: &&PendingCall| call.probe.is_some() && self.now < call.since + limit;
        let probes = self.calls.iter().flatten().filter(in_time).count();
        assert!(probes <= 1, "{probes} probes at once: {self:?}");
    }
}

fn any_event() -> impl Strategy<Value = Event> {
    let index = 0..3_usize;
    prop_oneof![
        2 => (0..20_000_i64).prop_map(Event::TimePasses),
        4 => (0..1_500_i64).prop_map(Event::TimePasses),
        6 => index.clone().prop_map(Event::Read),
        6 => (index.clone(), 1..9_u8).prop_map(|(index, order)| Event::Call(index, order)),
        6 => index.clone().prop_map(Event::Response),
        1 => index.prop_map(Event::Crash),
    ]
}

/// Events, each with whether a call would succeed then, and a random number.
fn any_history() -> impl Strategy<Value = Vec<(Event, bool, u64)>> {
    proptest::collection::vec((any_event(), prop::bool::weighted(0.2), any::<u64>()), 0..200)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn one_probe_at_a_time_and_the_circuit_closes_after_an_outage(history in any_history(), random in any::<u64>()) {
        let mut simulation = Simulation::default();
        for (event, succeeded, random) in history {
            simulation.handle(event, succeeded, random);
        }
        // From here on all calls succeed, and there is one every second.
        let seconds = i64::try_from((MAX_PAUSE + PROBE_TIMEOUT).as_secs()).expect("some seconds") + 1;
        for _ in 0..seconds {
            for event in [Event::TimePasses(1_000), Event::Read(0), Event::Call(0, 1), Event::Response(0)] {
                simulation.handle(event, true, random);
            }
        }
        prop_assert!(simulation.circuit.is_none_or(|circuit| circuit.state == State::Closed));
    }

    #[test]
    fn successful_calls_write_nothing(history in any_history()) {
        let mut simulation = Simulation::default();
        for (event, _, random) in history {
            simulation.handle(event, true, random);
        }
        prop_assert_eq!(simulation.circuit, None);
    }

    #[test]
    fn few_failures_among_many_calls_do_not_open_it(failing in proptest::collection::vec((0..30_000_i64, any::<u8>()), 0..40)) {
        let mut simulation = Simulation::default();
        let failing: std::collections::BTreeSet<_> = failing.into_iter().collect();
        for (millis, name) in failing {
            simulation.now = millis;
            for (succeeded, name) in [(true, name), (false, name), (true, name), (true, name)] {
                let call = PendingCall { order: order(name), probe: None, since: simulation.now };
                simulation.report(0, &call, succeeded, 0);
            }
        }
        prop_assert!(simulation.circuit.is_none_or(|circuit| circuit.state == State::Closed));
    }
}
