//! Figures over a table of their own, while events come twice, late and in any order, who counts them dies on the way,
//! rollups are lost, the time zone is changed, and all is counted again meanwhile. `make test` puts a proxy before the
//! table that refuses as AWS does.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::{collections::BTreeMap, time::Duration};

use analytics::rollups::{
    Figures, Growth, Ranking, Rebuild, Rollups,
    calendar::{Day, Zone},
    facts::Counted,
    rebuild,
    tally::{Of, Tally},
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

/// How many events are counted at the same moment.
const COUNTERS: usize = 16;

/// An event of any context.
#[derive(Clone)]
enum Told {
    Order(Envelope<OrderEvent>),
    Payment(Envelope<PaymentEvent>),
    User(Envelope<UserEvent>),
}

impl Told {
    /// Something that happened to a new order, or a new user, in one of some seconds of the two days around the end of
    /// summer time in Berlin.
    fn any(number: usize) -> Self {
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

    fn counted(&self) -> Counted {
        match self {
            Self::Order(envelope) => envelope.into(),
            Self::Payment(envelope) => envelope.into(),
            Self::User(envelope) => envelope.into(),
        }
    }
}

/// Counts a batch; at first somebody may die over it.
async fn count(rollups: &Rollups, batch: &[Counted]) {
    let life = Duration::from_millis(random_range(1..60));
    if tokio::time::timeout(life, rollups.count(batch)).await.is_ok_and(|counted| counted.is_ok()) {
        return;
    }
    // Who meets others too often is told to come again, as the queue does.
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

/// Counts events, each up to three times, in any order, in batches of up to twenty, many at the same moment.
async fn hear(rollups: &Rollups, events: &[Told]) {
    let mut heard: Vec<Counted> = events.iter().flat_map(|told| vec![told.counted(); random_range(1..4)]).collect();
    heard.shuffle(&mut rand::rng());
    let batches = heard.chunk_by(|_, _| random_range(0..20) > 0);
    stream::iter(batches).for_each_concurrent(COUNTERS, |batch| count(rollups, batch)).await;
}

/// Counts all days again, call after call; how many rollups were corrected, and how many days were left as they were,
/// because they changed each time that they were counted.
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

/// Counts all days again while nothing else is counted; how many rollups were corrected.
async fn rebuild_all(rollups: &Rollups) -> u64 {
    let (corrected, busy) = rebuild_once(rollups).await;
    assert_eq!(busy, 0, "nothing changes meanwhile");
    corrected
}

/// Counts events while all days are counted again. A day that changed all the time is counted again afterwards, as the
/// command's operator does, who is told of it: how many there are depends on the speed of the machine.
async fn hear_beside_a_rebuild(rollups: &Rollups, events: &[Told]) {
    let (_, (mut corrected, busy)) = futures::join!(hear(rollups, events), rebuild_once(rollups));
    if busy > 0 {
        corrected += rebuild_all(rollups).await;
    }
    assert!(corrected > 0);
}

/// Every third rollup is lost, every third is wrong.
async fn spoil(table: &TestTable) {
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

/// What the reports say, held against what the events come to by themselves.
async fn agrees(rollups: &Rollups, zone: &Zone, events: &[Told]) {
    let mut expected: BTreeMap<Day, Tally> = BTreeMap::new();
    for entry in events.iter().flat_map(|told| told.counted().entries) {
        expected.entry(zone.day_of(entry.time)).or_default().plus(&Tally::of(&entry.fact));
    }
    let (from, to) = ("2026-10-01".parse().unwrap(), "2026-11-30".parse().unwrap());
    let of_shop = |tally: &Tally| tally.get(Of::Shop).map(|rollup| rollup.figures.clone()).unwrap_or_default();
    let days = rollups.days(from..=to).await.unwrap().into_iter();
    let counted: BTreeMap<Day, Figures> = days.filter(|(_, figures)| *figures != Figures::default()).collect();
    assert_eq!(counted, expected.iter().map(|(day, tally)| (*day, of_shop(tally))).collect());
    let growth: Vec<Growth> = rollups.growth(from..=to).await.unwrap();
    let deleted: i64 = counted.values().map(|figures| figures.count("deleted")).sum();
    assert_eq!((growth.len(), growth.last().unwrap().total), (61, -deleted));

    let mut sold = Tally::default();
    expected.values().for_each(|tally| sold.plus(tally));
    let top = rollups.top_products(from..=to, Ranking::Quantity, usize::MAX).await.unwrap();
    assert_eq!(top.len(), sold.iter().filter(|(of, _)| *of != Of::Shop).count());
    let pieces: Vec<i64> = top.iter().map(|(_, sales)| sales.figures.count("quantity")).collect();
    assert!(pieces.is_sorted_by(|one, other| one >= other), "{pieces:?}");
    for (id, sales) in top {
        let rollup = sold.get(Of::Product(id)).expect("a product that was sold");
        assert_eq!((&sales.figures, Some(&sales.name)), (&rollup.figures, rollup.names.last()), "{id}");
    }
}

#[tokio::test]
async fn in_any_order_beside_a_rebuild() {
    let config = match std::env::var("STORM_ENDPOINT") {
        Ok(endpoint) => Stack::get().aws().await.into_builder().endpoint_url(endpoint).build(),
        Err(_) => Stack::get().aws().await,
    };
    let table = TestTable::create_at(&config).await;
    let (utc, berlin) = (Zone::utc(), Zone::named("Europe/Berlin").unwrap());
    let rollups = Rollups::new(table.table.clone());
    let events: Vec<Told> = (0..360).map(Told::any).collect();

    hear(&rollups, &events[..120]).await;
    agrees(&rollups, &utc, &events[..120]).await;
    assert_eq!(rebuild_all(&rollups).await, 0, "nothing was wrong");

    // What was spoilt comes right while more is counted, and what was counted before comes again.
    spoil(&table).await;
    hear_beside_a_rebuild(&rollups, &events[..240]).await;
    agrees(&rollups, &utc, &events[..240]).await;

    // The shop moves: all it ever counted lies under other days, and again more comes.
    let rollups = rollups.in_zone(berlin.clone());
    hear_beside_a_rebuild(&rollups, &events).await;
    agrees(&rollups, &berlin, &events).await;
    assert_eq!(rebuild_all(&rollups).await, 0, "nothing is left to do");

    // A word from long ago.
    join_all(events.iter().map(|told| async { count(&rollups, &[told.counted()]).await })).await;
    agrees(&rollups, &berlin, &events).await;
    table.delete().await;
}
