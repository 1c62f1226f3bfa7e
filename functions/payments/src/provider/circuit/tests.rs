use proptest::prelude::*;

use super::*;

/// How many orders have to meet a failure.
const ENOUGH: usize = 5;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_767_323_045_000 + millis)
}

fn order(name: u8) -> OrderId {
    OrderId::from([name; 16])
}

/// Calls of an environment at one moment: so many went well, and these orders did not.
fn calls(now: Timestamp, succeeded: usize, failing: &[u8]) -> Recent {
    let mut recent = Recent::default();
    (0..succeeded).for_each(|_| recent.count(order(0), true, now));
    failing.iter().for_each(|name| recent.count(order(*name), false, now));
    recent
}

/// The circuit after each of these orders failed, one after the other, at these moments.
fn after(failures: &[(i64, u8)], succeeded: usize) -> Circuit {
    let mut circuit = None;
    for (index, (millis, name)) in failures.iter().enumerate() {
        let calls = calls(at(*millis), if index == 0 { succeeded } else { 0 }, &[*name]);
        circuit = Circuit::after_failure(circuit.as_ref(), &calls, ENOUGH, at(*millis), 0).or(circuit);
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
fn opens_only_if_half_of_the_calls_failed() {
    let five = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)];
    assert_eq!(after(&five, 5).state, State::Open);
    assert_eq!(after(&five, 6).state, State::Closed);
}

#[test]
fn counts_what_happened_within_thirty_seconds() {
    let spread = |last| [(0, 1), (7_000, 2), (14_000, 3), (21_000, 4), (last, 5)];
    assert_eq!(after(&spread(29_999), 0).state, State::Open);
    assert_eq!(after(&spread(30_000), 0).state, State::Closed);
    let mut recent = calls(at(0), 1_000, &[]);
    recent.count(order(1), false, at(30_000));
    assert_eq!(recent, calls(at(30_000), 0, &[1]), "an environment does not remember better days");
}

#[test]
fn is_open_for_fifteen_seconds_and_twice_as_long_each_time_up_to_two_minutes() {
    let seconds = |failed| pause(failed, 0).as_secs();
    assert_eq!([0, 1, 2, 3, 4, 5, u32::MAX].map(seconds), [15, 30, 60, 120, 120, 120, 120]);
    assert!((0..20_000).all(|luck| (11_250..=15_000).contains(&pause(0, luck).as_millis())));
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
fn lets_one_ask_when_its_time_is_over() {
    assert_eq!(Circuit::admit(Some(&open()), at(14_999)), Admission::Refused);
    let probing = probe(&open(), at(15_000));
    assert_eq!((probing.state, probing.since), (State::HalfOpen, at(15_000)));
    assert_eq!(Circuit::admit(Some(&probing), at(15_001)), Admission::Refused);
}

#[test]
fn replaces_the_one_who_asked_and_never_came_back() {
    let probing = probe(&open(), at(15_000));
    assert_eq!(Circuit::admit(Some(&probing), at(24_999)), Admission::Refused);
    let another = probe(&probing, at(25_000));
    assert_eq!(another.since, probing.since);
    assert!(another.version > probing.version);
}

#[test]
fn closes_with_an_answer_and_opens_again_for_longer_without_one() {
    let probing = probe(&open(), at(15_000));
    let closed = probing.after_probe(true, at(15_100), 0);
    assert_eq!((closed.state, closed.since), (State::Closed, at(15_100)));
    assert_eq!(Circuit::admit(Some(&closed), at(15_101)), Admission::Ask);
    let again = probing.after_probe(false, at(18_000), 0);
    assert_eq!((again.state, again.since), (State::Open, at(18_000)));
    assert_eq!(Circuit::admit(Some(&again), at(47_999)), Admission::Refused);
    assert_eq!(probe(&again, at(48_000)).after_probe(true, at(48_001), 0).failed_probes, 0);
}

#[test]
fn an_item_of_the_table_reads_as_it_was_written() {
    let closed = after(&[(0, 1), (1, 2), (7_000, 3)], 2);
    for circuit in [closed, open(), probe(&open(), at(15_000))] {
        let item = dynamo::item(&dynamo::Key::new("CIRCUIT", "simulator"), &circuit).expect("an item");
        assert_eq!(serde_dynamo::from_item::<_, Circuit>(item).expect("a circuit"), circuit);
    }
}

#[test]
fn late_failures_of_calls_from_before_change_nothing() {
    let calls = calls(at(1), 0, &[9]);
    for circuit in [open(), probe(&open(), at(15_000))] {
        assert_eq!(Circuit::after_failure(Some(&circuit), &calls, ENOUGH, at(16_000), 0), None);
    }
}

/// Somebody who may ask, and has not heard yet.
#[derive(Debug, Clone)]
struct Asking {
    order: OrderId,
    /// The circuit they wrote, if they are the one that asks while it is half-open.
    probe: Option<Circuit>,
    since: i64,
}

/// A circuit between a provider and some environments.
#[derive(Debug, Default)]
struct World {
    now: i64,
    circuit: Option<Circuit>,
    /// What each environment knows of its own calls.
    environments: [Recent; 3],
    asking: [Option<Asking>; 3],
    /// What each read before it wanted to ask.
    read: [Option<Circuit>; 3],
}

#[derive(Debug, Clone, Copy)]
enum Event {
    Passes(i64),
    Reads(usize),
    Asks(usize, u8),
    IsAnswered(usize),
    Dies(usize),
}

impl World {
    fn write(&mut self, seen: Option<&Circuit>, next: Circuit) -> bool {
        let version = |circuit: &Circuit| circuit.version;
        let is_allowed = self.circuit.as_ref().map(version) == seen.map(version);
        if is_allowed {
            self.circuit = Some(next);
        }
        is_allowed
    }

    fn happens(&mut self, event: Event, is_well: bool, luck: u64) {
        match event {
            Event::Passes(millis) => self.now += millis,
            Event::Reads(index) => self.read[index] = self.circuit.clone(),
            Event::Asks(index, name) if self.asking[index].is_none() => {
                let read = self.read[index].clone();
                let probe = match Circuit::admit(read.as_ref(), at(self.now)) {
                    Admission::Ask => None,
                    Admission::Probe(next) if self.write(read.as_ref(), next.clone()) => Some(next),
                    Admission::Probe(_) | Admission::Refused => return,
                };
                self.asking[index] = Some(Asking { order: order(name), probe, since: self.now });
                self.check_probes();
            }
            Event::Asks(..) => {}
            Event::IsAnswered(index) => {
                if let Some(asking) = self.asking[index].take() {
                    self.hears(index, &asking, is_well, luck);
                }
            }
            Event::Dies(index) => {
                self.asking[index] = None;
                self.environments[index] = Recent::default();
                self.read[index] = None;
            }
        }
    }

    fn hears(&mut self, index: usize, asking: &Asking, is_well: bool, luck: u64) {
        if let Some(probe) = &asking.probe {
            let next = probe.after_probe(is_well, at(self.now), luck);
            self.write(Some(probe), next);
            return;
        }
        self.environments[index].count(asking.order, is_well, at(self.now));
        if !is_well {
            let seen = self.circuit.clone();
            let next = Circuit::after_failure(seen.as_ref(), &self.environments[index], ENOUGH, at(self.now), luck);
            if next.is_some_and(|next| self.write(seen.as_ref(), next)) {
                self.environments[index] = Recent::default();
            }
        }
    }

    /// Within its time one asks, and no other.
    fn check_probes(&self) {
        let limit = i64::try_from(PROBE_LIMIT.as_millis()).expect("some seconds");
        let in_time = |asking: &&Asking| asking.probe.is_some() && self.now < asking.since + limit;
        let probes = self.asking.iter().flatten().filter(in_time).count();
        assert!(probes <= 1, "{probes} probes at once: {self:?}");
    }
}

fn any_event() -> impl Strategy<Value = Event> {
    let who = 0..3_usize;
    prop_oneof![
        2 => (0..20_000_i64).prop_map(Event::Passes),
        4 => (0..1_500_i64).prop_map(Event::Passes),
        6 => who.clone().prop_map(Event::Reads),
        6 => (who.clone(), 1..9_u8).prop_map(|(who, order)| Event::Asks(who, order)),
        6 => who.clone().prop_map(Event::IsAnswered),
        1 => who.prop_map(Event::Dies),
    ]
}

/// What happens, whether the provider would answer then, and luck.
fn any_history() -> impl Strategy<Value = Vec<(Event, bool, u64)>> {
    proptest::collection::vec((any_event(), prop::bool::weighted(0.2), any::<u64>()), 0..200)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn one_asks_at_a_time_and_a_provider_that_is_well_is_asked_again(history in any_history(), luck in any::<u64>()) {
        let mut world = World::default();
        for (event, is_well, luck) in history {
            world.happens(event, is_well, luck);
        }
        // From here on it is well, and somebody wants something every second.
        let longest = i64::try_from((OPEN_AT_MOST + PROBE_LIMIT).as_secs()).expect("some seconds") + 1;
        for _ in 0..longest {
            for event in [Event::Passes(1_000), Event::Reads(0), Event::Asks(0, 1), Event::IsAnswered(0)] {
                world.happens(event, true, luck);
            }
        }
        prop_assert!(world.circuit.is_none_or(|circuit| circuit.state == State::Closed));
    }

    #[test]
    fn a_provider_that_is_well_is_always_asked_and_nothing_is_written(history in any_history()) {
        let mut world = World::default();
        for (event, _, luck) in history {
            world.happens(event, true, luck);
        }
        prop_assert_eq!(world.circuit, None);
    }

    #[test]
    fn of_many_calls_few_failures_open_nothing(failing in proptest::collection::vec((0..30_000_i64, any::<u8>()), 0..40)) {
        let mut world = World::default();
        let failing: std::collections::BTreeSet<_> = failing.into_iter().collect();
        for (millis, name) in failing {
            world.now = millis;
            for (is_well, name) in [(true, name), (false, name), (true, name), (true, name)] {
                let asking = Asking { order: order(name), probe: None, since: world.now };
                world.hears(0, &asking, is_well, 0);
            }
        }
        prop_assert!(world.circuit.is_none_or(|circuit| circuit.state == State::Closed));
    }
}
