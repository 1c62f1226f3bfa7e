//! Counting without a table: the rollups of a log do not depend on the order, the repetition or the batches of its
//! events.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use contracts::{
    CancelReason, Cause, Envelope, OrderCancelled, OrderConfirmed, OrderLine, OrderPlaced, PaymentProcessed,
    PaymentRefunded, StockLine, UserDeleted,
};
use kernel::{EventId, OrderId, PaymentId, Quantity, UserId};
use proptest::prelude::*;

use super::{
    calendar::{Day, Zone},
    facts::{Countable, Fact, Kind, LogEntry},
    tally::{Rollup, Scope, Tally},
    *,
};

fn product(number: usize) -> ProductId {
    ProductId::derived("test", &number.to_string())
}

fn lines(count: usize) -> Vec<OrderLine> {
    let line = |number| OrderLine {
        product_id: product(number),
        name: format!("Mug {number}"),
        quantity: Quantity::try_from(2).unwrap(),
        unit_price: Money::from_minor(1_250, Currency::Usd),
    };
    (0..count).map(line).collect()
}

fn confirmed(count: usize) -> Envelope<contracts::OrderEvent> {
    let (order_id, total) = (OrderId::new(), Money::from_minor(2_500, Currency::Usd));
    let event =
        OrderConfirmed { order_id, user_id: UserId::new(), payment_id: PaymentId::new(), lines: lines(count), total };
    Envelope::new(event.into(), order_id, 3, Timestamp::now(), &Cause::own())
}

#[test]
fn each_event_adds_its_facts() {
    let (order_id, user_id, payment_id) = (OrderId::new(), UserId::new(), PaymentId::new());
    let total = Money::from_minor(7_500, Currency::Eur);
    let placed = contracts::OrderEvent::from(OrderPlaced { order_id, user_id, lines: lines(3), total });
    let reason = CancelReason::Requested;
    let cancelled = contracts::OrderEvent::from(OrderCancelled { order_id, user_id, reason, lines: lines(3), total });
    let captured = contracts::PaymentEvent::from(PaymentProcessed { payment_id, order_id, user_id, amount: total });
    let refunded = contracts::PaymentEvent::from(PaymentRefunded { payment_id, order_id, user_id, amount: total });
    let deleted = contracts::UserEvent::from(UserDeleted { user_id });
    let facts = [placed.facts(), cancelled.facts(), captured.facts(), refunded.facts(), deleted.facts()].concat();
    let tally = Tally::fold(&facts);
    let figures: Vec<(&str, i64)> = tally.get(Scope::Shop).unwrap().figures.iter().collect();
    let expected = [
        ("cancelled", 1),
        ("deleted", 1),
        ("events", 5),
        ("gross_EUR", 7_500),
        ("items", 6),
        ("orders", 1),
        ("refunded_EUR", 7_500),
        ("value_EUR", 7_500),
    ];
    assert_eq!(figures, expected);
    assert_eq!(tally.iter().count(), 1, "nothing was sold");
}

#[test]
fn an_event_that_is_not_counted_has_no_entry() {
    let order_id = OrderId::new();
    let started = contracts::CheckoutStarted {
        order_id,
        user_id: UserId::new(),
        lines: vec![StockLine { product_id: product(1), quantity: Quantity::try_from(1).unwrap() }],
        total: Money::from_minor(1, Currency::Usd),
        payment_method: "pm_card_visa".to_owned(),
    };
    let envelope: Envelope<contracts::OrderEvent> =
        Envelope::new(started.into(), order_id, 2, Timestamp::now(), &Cause::own());
    assert_eq!(LogEntry::of(&envelope), []);
}

/// An order has at most 100 lines, and a transaction 100 items, of which two are the entry and the day.
#[test]
fn an_order_of_a_hundred_lines_is_counted_in_two_parts() {
    for (count, parts) in [(0, 1), (1, 1), (98, 1), (99, 2), (100, 2)] {
        let entries = LogEntry::of(&confirmed(count));
        assert_eq!(entries.len(), parts, "{count} lines");
        assert!(entries.iter().all(|entry| Tally::of(&entry.fact).iter().count() < 100));
        let kinds: Vec<Kind> = entries.iter().map(|entry| entry.kind).collect();
        assert_eq!(kinds, [Kind::Counted, Kind::Continued][..parts]);
        let tally = Tally::fold(entries.iter().map(|entry| &entry.fact));
        assert_eq!(tally.get(Scope::Shop).unwrap().figures.count("paid"), 1);
        let sold = tally.iter().filter(|(scope, _)| *scope != Scope::Shop);
        assert_eq!(sold.map(|(_, rollup)| rollup.figures.count("quantity")).sum::<i64>(), 2 * count as i64);
    }
}

#[test]
fn an_entry_has_the_attributes_of_its_event() {
    let envelope = confirmed(1);
    let entry = serde_json::to_value(&LogEntry::of(&envelope)[0]).unwrap();
    assert_eq!((&entry["kind"], &entry["event_type"]), (&"counted".into(), &"OrderConfirmed".into()));
    assert_eq!((&entry["source"], &entry["sequence"]), (&"orders".into(), &3.into()));
    assert_eq!(entry["subject"], envelope.subject);
    assert_eq!(entry["time"], envelope.timestamp.to_string());
    assert_eq!(serde_json::from_value::<LogEntry>(entry).unwrap(), LogEntry::of(&envelope)[0]);
}

fn sales(day: &str, names: &[&str]) -> (Day, Rollup) {
    let figures = [("quantity".to_owned(), 1)].into_iter().collect();
    (day.parse().unwrap(), Rollup { figures, names: names.iter().map(|name| (*name).to_owned()).collect() })
}

#[test]
fn a_product_has_its_last_name() {
    let days =
        [sales("2026-11-20", &["Zinc mug"]), sales("2026-11-21", &["Mug"]), sales("2026-11-21", &["Cup", "Mug"])];
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
        let mut sum = Sales::default();
        order.into_iter().for_each(|index: usize| sum.merge(days[index].0, days[index].1.clone()));
        assert_eq!((sum.name.as_str(), sum.figures.count("quantity")), ("Mug", 3));
    }
}

fn money() -> impl Strategy<Value = Money> {
    (0_i64..100_000, prop::sample::select(Currency::ALL.to_vec()))
        .prop_map(|(minor, currency)| Money::from_minor(minor, currency))
}

fn fact() -> impl Strategy<Value = Fact> {
    let line = (0_usize..4, 0_usize..3, 1_i64..9, money()).prop_map(|(number, name, quantity, value)| {
        facts::SoldLine { product_id: product(number), name: format!("Mug {name}"), quantity, value }
    });
    let lines = prop::collection::vec(line, 0..4).boxed();
    prop_oneof![
        (1_i64..50, money()).prop_map(|(items, value)| Fact::Placed { items, value }),
        lines.clone().prop_map(|lines| Fact::Sold { lines }),
        lines.prop_map(|lines| Fact::SoldContinued { lines }),
        Just(Fact::Cancelled),
        money().prop_map(|amount| Fact::Captured { amount }),
        money().prop_map(|amount| Fact::Refunded { amount }),
        Just(Fact::Registered),
        Just(Fact::Deleted),
    ]
}

proptest! {
    /// Counts as the table does: an entry that exists changes nothing, a new one adds to its day. Then counts as a
    /// rebuild does: each day from the entries of its UTC days.
    #[test]
    fn any_order_and_repetition_has_the_figures_of_a_rebuild(
        events in prop::collection::vec((fact(), -200_000_000_i64..200_000_000), 1..24),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..60),
        zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "Pacific/Apia", "America/New_York"]),
    ) {
        let zone = Zone::named(zone).unwrap();
        // Around the end of summer time in Berlin.
        let events: BTreeMap<EventId, (Fact, Timestamp)> = events
            .into_iter()
            .map(|(fact, millis)| (EventId::new(), (fact, Timestamp::from_millis(1_792_888_200_000 + millis))))
            .collect();
        let ids: Vec<EventId> = events.keys().copied().collect();
        let (mut log, mut counted): (BTreeSet<EventId>, BTreeMap<Day, Tally>) = Default::default();
        for id in order.iter().map(|index| index.get(&ids)).chain(ids.iter().rev()) {
            let (fact, time) = &events[id];
            if log.insert(*id) {
                counted.entry(zone.day_of(*time)).or_default().merge(&Tally::of(fact));
            }
        }
        let mut by_utc_day: BTreeMap<Day, Vec<&(Fact, Timestamp)>> = BTreeMap::new();
        events.values().for_each(|entry| by_utc_day.entry(Day::of_utc(entry.1)).or_default().push(entry));
        for (day, tally) in counted {
            let logged = zone.utc_days(day).flat_map(|day| by_utc_day.get(&day).into_iter().flatten());
            let facts = logged.filter(|(_, time)| zone.day_of(*time) == day).map(|(fact, _)| fact);
            prop_assert_eq!(Tally::fold(facts), tally);
        }
    }
}
