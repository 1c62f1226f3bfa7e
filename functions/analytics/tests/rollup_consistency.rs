//! Counting in a table of its own, while events are repeated, late and in any order, counting is interrupted, rollups
//! are lost, the time zone changes, and a rebuild runs. `make test` puts a proxy in front of the table that rejects
//! transactions as AWS does.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::{collections::BTreeMap, time::Duration};

use analytics::rollups::{
    Figures, Growth, Ranking, Rebuild, Rollups,
    calendar::{Day, Zone},
    facts::CountedEvent,
    rebuild,
    tally::{Scope, Tally},
};
use contracts::{
    CancelReason, Cause, Envelope, OrderCancelled, OrderConfirmed, OrderEvent, OrderLine, OrderPlaced, PaymentEvent,
    PaymentProcessed, PaymentRefunded, UserDeleted, UserEvent,
};
use futures::{StreamExt, future::join_all, stream};
use kernel::{Currency, Money, OrderId, PaymentId, ProductId, Quantity, Timestamp, UserId};
use rand::{random_range, seq::SliceRandom};
use serde_json::{Value, json};
use testkit::{Stack, TestTable, text};

/// The number of batches that are counted concurrently.
const CONCURRENCY: usize = 16;

/// An event of any context.
#[derive(Clone)]
enum AnyEvent {
    Order(Envelope<OrderEvent>),
    Payment(Envelope<PaymentEvent>),
    User(Envelope<UserEvent>),
}

impl AnyEvent {
    /// Returns an event of a new order or a new user, in one of some seconds of the two days around the end of summer
    /// time in Berlin.
    fn random(number: usize) -> Self {
        let (order_id, user_id, payment_id) = (OrderId::new(), UserId::new(), PaymentId::new());
        let time =
            Timestamp::from_millis(1_792_888_200_000 + random_range(-12..12) * 7_199_000 + random_range(0..1_000));
        let lines = lines(if number == 1 { 100 } else { random_range(1..4) });
        let total = lines.iter().map(|line| line.unit_price.minor() * i64::from(line.quantity.get())).sum();
        let total = Money::from_minor(total, if number.is_multiple_of(2) { Currency::Usd } else { Currency::Eur });
        let (cause, amount) = (Cause::own(), total);
        let order = |event: OrderEvent| Self::Order(Envelope::new(event, order_id, 1, time, &cause));
        let payment = |event: PaymentEvent| Self::Payment(Envelope::new(event, payment_id, 1, time, &cause));
        match number % 6 {
            0 => order(OrderPlaced { order_id, user_id, lines, total }.into()),
            1 => order(OrderConfirmed { order_id, user_id, payment_id, lines, total }.into()),
            2 => order(OrderCancelled { order_id, user_id, reason: CancelReason::Requested, lines, total }.into()),
            3 => payment(PaymentProcessed { payment_id, order_id, user_id, amount }.into()),
            4 => payment(PaymentRefunded { payment_id, order_id, user_id, amount }.into()),
            _ => Self::User(Envelope::new(UserEvent::from(UserDeleted { user_id }), user_id, 1, time, &cause)),
        }
    }

    fn counted(&self) -> CountedEvent {
        match self {
            Self::Order(envelope) => envelope.into(),
            Self::Payment(envelope) => envelope.into(),
            Self::User(envelope) => envelope.into(),
        }
    }
}

/// Counts a batch. The first attempt may be interrupted.
async fn count(rollups: &Rollups, batch: &[CountedEvent]) {
    let limit = Duration::from_millis(random_range(1..60));
    if tokio::time::timeout(limit, rollups.count(batch)).await.is_ok_and(|counted| counted.is_ok()) {
        return;
    }
    // Too many conflicts are an error. The batch is counted again then, as the queue delivers it again.
    while rollups.count(batch).await.is_err() {}
}

fn lines(count: usize) -> Vec<OrderLine> {
    let first = random_range(0..50);
    let line = |number: usize| OrderLine {
        product_id: ProductId::derived("test", &number.to_string()),
        name: format!("Mug {number}"),
        quantity: Quantity::try_from(random_range(1..9)).unwrap(),
        unit_price: Money::from_minor(1_250, Currency::Usd),
    };
    (first..first + count).map(line).collect()
}

/// Counts events, each up to three times, in any order, in small batches (20 on average), many concurrently.
async fn deliver(rollups: &Rollups, events: &[AnyEvent]) {
    let mut deliveries: Vec<CountedEvent> =
        events.iter().flat_map(|event| vec![event.counted(); random_range(1..4)]).collect();
    deliveries.shuffle(&mut rand::rng());
    let batches = deliveries.chunk_by(|_, _| random_range(0..20) > 0);
    stream::iter(batches).for_each_concurrent(CONCURRENCY, |batch| count(rollups, batch)).await;
}

/// Runs a rebuild, call after call. Returns the number of rollups that were corrected, and of days that were left as
/// they were, because they changed during every attempt.
async fn rebuild_once(rollups: &Rollups) -> (u64, u64) {
    let (mut work, mut corrected, mut busy) = (Rebuild::default(), 0, 0);
    loop {
        let done: Value = serde_json::to_value(rebuild(rollups, work).await.unwrap()).unwrap();
        corrected += done["corrected"].as_u64().unwrap();
        busy += done["busy"].as_u64().unwrap();
        if done["next"].is_null() {
            return (corrected, busy);
        }
        work = serde_json::from_value(json!({ "from": done["next"] })).unwrap();
    }
}

/// Runs a rebuild while no events are counted. Returns the number of rollups that were corrected.
async fn rebuild_all(rollups: &Rollups) -> u64 {
    let (corrected, busy) = rebuild_once(rollups).await;
    assert_eq!(busy, 0, "no events are counted meanwhile");
    corrected
}

/// Counts events during a rebuild. If days changed during every attempt, a second rebuild follows, as an operator would
/// run it: the number of such days depends on the speed of the machine.
async fn deliver_during_a_rebuild(rollups: &Rollups, events: &[AnyEvent]) {
    let (_, (mut corrected, busy)) = futures::join!(deliver(rollups, events), rebuild_once(rollups));
    if busy > 0 {
        corrected += rebuild_all(rollups).await;
    }
    assert!(corrected > 0);
}

/// Deletes every third rollup, and falsifies every third.
async fn corrupt(table: &TestTable) {
    let items = table.items().await.into_iter().filter(|item| !text(item, "pk").starts_with("LOG#"));
    for (index, mut item) in items.enumerate() {
        match index % 3 {
            0 => {
                let delete = table.client.delete_item().table_name(&table.name).key("pk", item["pk"].clone());
                delete.key("sk", item["sk"].clone()).send().await.unwrap();
            }
            1 => {
                let wrong = ["orders", "gross_USD", "quantity", "events"];
                item.extend(wrong.map(|name| dynamo::number(name, random_range(1..99))));
                table.client.put_item().table_name(&table.name).set_item(Some(item)).send().await.unwrap();
            }
            _ => {}
        }
    }
}

/// Compares the reports with the sum of the events.
async fn assert_reports(rollups: &Rollups, zone: &Zone, events: &[AnyEvent]) {
    let mut expected: BTreeMap<Day, Tally> = BTreeMap::new();
    for entry in events.iter().flat_map(|event| event.counted().entries) {
        expected.entry(zone.day_of(entry.time)).or_default().merge(&Tally::of(&entry.fact));
    }
    let (from, to) = ("2026-10-01".parse().unwrap(), "2026-11-30".parse().unwrap());
    let of_shop = |tally: &Tally| tally.get(Scope::Shop).map(|rollup| rollup.figures.clone()).unwrap_or_default();
    let days = rollups.days(from..=to).await.unwrap().into_iter();
    let counted: BTreeMap<Day, Figures> = days.filter(|(_, figures)| *figures != Figures::default()).collect();
    assert_eq!(counted, expected.iter().map(|(day, tally)| (*day, of_shop(tally))).collect());
    let growth: Vec<Growth> = rollups.growth(from..=to).await.unwrap();
    let deleted: i64 = counted.values().map(|figures| figures.count("deleted")).sum();
    assert_eq!((growth.len(), growth.last().unwrap().total), (61, -deleted));

    let mut sold = Tally::default();
    expected.values().for_each(|tally| sold.merge(tally));
    let top = rollups.top_products(from..=to, Ranking::Quantity, usize::MAX).await.unwrap();
    assert_eq!(top.len(), sold.iter().filter(|(scope, _)| *scope != Scope::Shop).count());
    let pieces: Vec<i64> = top.iter().map(|(_, sales)| sales.figures.count("quantity")).collect();
    assert!(pieces.is_sorted_by(|one, other| one >= other), "{pieces:?}");
    for (id, sales) in top {
        let rollup = sold.get(Scope::Product(id)).expect("a product that was sold");
        assert_eq!((&sales.figures, Some(&sales.name)), (&rollup.figures, rollup.names.last()), "{id}");
    }
}

#[tokio::test]
async fn events_count_once_in_any_order_during_rebuilds() {
    let config = match std::env::var("STORM_ENDPOINT") {
        Ok(endpoint) => Stack::get().aws().await.into_builder().endpoint_url(endpoint).build(),
        Err(_) => Stack::get().aws().await,
    };
    let table = TestTable::create_at(&config).await;
    let (utc, berlin) = (Zone::utc(), Zone::named("Europe/Berlin").unwrap());
    let rollups = Rollups::new(table.table.clone());
    let events: Vec<AnyEvent> = (0..360).map(AnyEvent::random).collect();

    deliver(&rollups, &events[..120]).await;
    assert_reports(&rollups, &utc, &events[..120]).await;
    assert_eq!(rebuild_all(&rollups).await, 0, "nothing to correct");

    // Corrupt rollups are corrected while more events are counted, and earlier ones are repeated.
    corrupt(&table).await;
    deliver_during_a_rebuild(&rollups, &events[..240]).await;
    assert_reports(&rollups, &utc, &events[..240]).await;

    // The time zone changes, so that all events belong to other days, and more events are counted.
    let rollups = rollups.in_zone(berlin.clone());
    deliver_during_a_rebuild(&rollups, &events).await;
    assert_reports(&rollups, &berlin, &events).await;
    assert_eq!(rebuild_all(&rollups).await, 0, "nothing to correct");

    // Very late repetitions.
    join_all(events.iter().map(|event| async { count(&rollups, &[event.counted()]).await })).await;
    assert_reports(&rollups, &berlin, &events).await;
    table.delete().await;
}
