//! Thirty-two clients execute all operations at once for a minute (`STORM_SECONDS`), some of them twice and some
//! interrupted; then the reservations and changes are compared with the stock.
//!
//! `STORM_ENDPOINT` is the URL of a proxy in front of the engine. It refuses requests that conflict with a transaction
//! on the same item, and these have to be retried, too.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap, HashSet},
    time::{Duration, Instant},
};

use contracts::{Cause, StockLine};
use dynamo::IdempotencyKey;
use futures::future::{join, join_all};
use inventory::{
    Inventory, InventoryError,
    domain::{Change, Reservation, Status},
};
use kernel::{OrderId, ProductId, Timestamp};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use testkit::{HANG_LIMIT, Stack, TestTable};
use tokio::time::timeout;

use super::{QUARTER_HOUR, change, line, products, table};

const CLIENTS: u64 = 32;
const PRODUCTS: usize = 24;
const START: i64 = 40;

/// What the clients share: orders that others may continue, and a record of what was done.
#[derive(Default)]
struct Shared {
    orders: RefCell<Vec<(OrderId, Vec<StockLine>)>>,
    adjusts: RefCell<Vec<Adjust>>,
    done: RefCell<BTreeMap<&'static str, u64>>,
}

/// An adjustment. The item under its idempotency key shows whether it was made.
struct Adjust {
    idempotency_key: IdempotencyKey,
    id: ProductId,
    by: i64,
    acknowledged: bool,
}

impl Shared {
    fn count(&self, what: &'static str) {
        *self.done.borrow_mut().entry(what).or_default() += 1;
    }

    /// Returns the outcomes that a storm has to produce and has not produced yet.
    fn missing(&self) -> Vec<&'static str> {
        let wanted = ["done", "out of stock", "ended", "killed", "too little", "read"];
        let done = self.done.borrow();
        wanted.into_iter().filter(|what| !done.contains_key(what)).collect()
    }

    /// Returns whether the storm continues: until that time, and on a slow machine until every outcome was produced.
    fn continues(&self, until: Instant) -> bool {
        let now = Instant::now();
        now < until || (now < until + HANG_LIMIT && !self.missing().is_empty())
    }

    fn any_order(&self, rng: &mut StdRng) -> Option<(OrderId, Vec<StockLine>)> {
        let orders = self.orders.borrow();
        let recent = orders.len().saturating_sub(200);
        (recent < orders.len()).then(|| orders[rng.random_range(recent..orders.len())].clone())
    }
}

/// The end of an attempt.
enum Attempt<T> {
    Done(T),
    /// The client was killed; the step may have been executed or not.
    Killed,
}

/// Executes `step`: mostly once, sometimes twice at the same time, sometimes interrupted.
async fn attempt<T>(rng: &mut StdRng, step: impl AsyncFn() -> T) -> Attempt<T> {
    match rng.random_range(0..10) {
        0 | 1 => match timeout(Duration::from_micros(rng.random_range(0..400_000)), step()).await {
            Ok(done) => Attempt::Done(done),
            Err(_) => Attempt::Killed,
        },
        2 | 3 => Attempt::Done(join(step(), step()).await.0),
        _ => Attempt::Done(step().await),
    }
}

/// Returns the name of an expected result, and panics for any other.
fn expect(done: Result<(), InventoryError>) -> &'static str {
    match done {
        Ok(()) => "done",
        Err(InventoryError::OutOfStock(_)) => "out of stock",
        Err(InventoryError::Ended) => "ended",
        Err(InventoryError::NotReserved) => "not reserved",
        Err(InventoryError::TooLittle { .. }) => "too little",
        Err(InventoryError::Busy) => "busy",
        Err(InventoryError::Store(error)) if error.to_string().contains("Transaction") => "conflict",
        Err(other) => panic!("{other}"),
    }
}

fn any_lines(rng: &mut StdRng, ids: &[ProductId]) -> Vec<StockLine> {
    // Half of the orders take the same product; some orders are so large that they have two parts.
    let first = if rng.random_bool(0.5) { 0 } else { rng.random_range(0..ids.len()) };
    let count = if rng.random_bool(0.05) { 15 } else { rng.random_range(1..4) };
    (0..count).map(|n| line(ids[(first + n) % ids.len()], rng.random_range(1..4))).collect()
}

async fn client(seed: u64, inventory: &Inventory, ids: &[ProductId], shared: &Shared, until: Instant) {
    let rng = &mut StdRng::seed_from_u64(seed);
    while shared.continues(until) {
        let cause = Cause::own();
        let later = Timestamp::now().plus_seconds(3_600);
        let (what, done) = match rng.random_range(0..10) {
            0..4 => {
                let (order, lines) = (OrderId::new(), any_lines(rng, ids));
                shared.orders.borrow_mut().push((order, lines.clone()));
                ("reserve", attempt(rng, async || inventory.reserve(order, &lines, &cause).await).await)
            }
            4 => {
                let id = ids[rng.random_range(0..ids.len())];
                let by = rng.random_range(-8..12);
                ("adjust", adjust(rng, inventory, shared, id, by).await)
            }
            other => {
                let Some((order, lines)) = shared.any_order(rng) else { continue };
                match other {
                    5 => ("reserve again", attempt(rng, async || inventory.reserve(order, &lines, &cause).await).await),
                    6 | 7 => ("commit", attempt(rng, async || inventory.commit(order).await).await),
                    8 => ("release", attempt(rng, async || inventory.release(order, &cause).await).await),
                    // The order may have ended when the reservation expires.
                    _ => {
                        let has_ended = rng.random_bool(0.5);
                        let expire = async || {
                            let asked = inventory.expire(order, later, &cause).await?;
                            if asked.is_some() && has_ended { inventory.release(order, &cause).await } else { Ok(()) }
                        };
                        ("expire", attempt(rng, expire).await)
                    }
                }
            }
        };
        shared.count(what);
        shared.count(match done {
            Attempt::Done(done) => expect(done),
            Attempt::Killed => "killed",
        });
    }
}

/// Adjusts stock and repeats that with the same key until it is not interrupted: the adjustment is made at most once.
async fn adjust(
    rng: &mut StdRng,
    inventory: &Inventory,
    shared: &Shared,
    id: ProductId,
    by: i64,
) -> Attempt<Result<(), InventoryError>> {
    let idempotency_key = IdempotencyKey::new("admin", &OrderId::new().to_string(), "adjust");
    loop {
        let step = async || change(inventory, id, Change::Adjust(by), Some(&idempotency_key)).await;
        let done = match attempt(rng, step).await {
            Attempt::Killed => {
                shared.count("killed");
                continue;
            }
            Attempt::Done(done) => done,
        };
        let acknowledged = done.is_ok();
        shared.adjusts.borrow_mut().push(Adjust { idempotency_key, id, by, acknowledged });
        return Attempt::Done(done.map(drop));
    }
}

/// Reads all stock again and again: no counter is ever below zero.
async fn reader(inventory: &Inventory, ids: &[ProductId], shared: &Shared, until: Instant) {
    while shared.continues(until) {
        for id in ids {
            let stock = inventory.stock(*id).await.unwrap();
            for counter in &stock.counters {
                assert!(0 <= counter.available && counter.available <= counter.on_hand, "{stock:?}");
            }
            shared.count("read");
        }
    }
}

#[tokio::test]
async fn a_storm() {
    let seconds = std::env::var("STORM_SECONDS").map_or(60, |seconds| seconds.parse().expect("a number of seconds"));
    let mut config = Stack::get().aws().await.into_builder();
    if let Ok(endpoint) = std::env::var("STORM_ENDPOINT") {
        config = config.endpoint_url(endpoint);
    }
    let table = TestTable::create_at(&config.build()).await;
    let inventory = table::inventory(&table, QUARTER_HOUR);
    let ids = products(&inventory, PRODUCTS, START).await;
    let shared = Shared::default();
    let until = Instant::now() + Duration::from_secs(seconds);
    let clients = (0..CLIENTS).map(|seed| client(seed, &inventory, &ids, &shared, until));
    let readers = (0..2).map(|_| reader(&inventory, &ids, &shared, until));
    join(join_all(clients), join_all(readers)).await;
    println!("{:?}", shared.done.borrow());

    // Interrupted requests may still be executed: the comparison starts once the table has not changed for five
    // seconds.
    let mut items = table.items().await;
    let mut unchanged = 0;
    while unchanged < 5 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let again = table.items().await;
        unchanged = if again == items { unchanged + 1 } else { 0 };
        items = again;
    }
    // The reserved and sold pieces of each product, from all reservations.
    let mut held: HashMap<(ProductId, Status), i64> = HashMap::new();
    let mut parts = 0;
    let mut keys = HashSet::new();
    for item in items {
        keys.insert(testkit::text(&item, "pk").to_owned());
        if testkit::text(&item, "sk").starts_with("PART#") {
            parts += 1;
            let reservation: Reservation = table.table.read(item).unwrap();
            for taken in reservation.taken {
                *held.entry((taken.product_id, reservation.status)).or_default() += taken.pieces;
            }
        }
    }
    let mut adjusted: HashMap<ProductId, i64> = HashMap::new();
    for adjust in shared.adjusts.borrow().iter() {
        let was_made = keys.contains(&adjust.idempotency_key.key().pk);
        assert!(was_made || !adjust.acknowledged, "an acknowledged adjustment is missing");
        *adjusted.entry(adjust.id).or_default() += if was_made { adjust.by } else { 0 };
    }
    println!("{parts} parts of {} orders", shared.orders.borrow().len());
    for id in ids {
        let stock = inventory.stock(id).await.unwrap();
        let held = |status| held.get(&(id, status)).copied().unwrap_or_default();
        let adjusted = adjusted.get(&id).copied().unwrap_or_default();
        assert_eq!(stock.reserved(), held(Status::Reserved), "reserved = open reservations");
        assert_eq!(stock.on_hand(), START + adjusted - held(Status::Committed), "on hand = start + adjustments - sold");
    }
    let missing = shared.missing();
    assert!(missing.is_empty(), "the storm did not produce these outcomes: {missing:?}");
    table.delete().await;
}
