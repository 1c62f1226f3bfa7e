//! Thirty-two clients do everything at once, for a minute (`STORM_SECONDS`), twice and cut short; then the books are
//! checked.
//!
//! `STORM_ENDPOINT` is a server before the engine that refuses what meets a transaction on the same item: that, too, is
//! tried again.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap, HashSet},
    time::{Duration, Instant},
};

use contracts::{Cause, StockLine};
use dynamo::Claim;
use futures::future::{join, join_all};
use inventory::{
    Inventory, InventoryError,
    domain::{Change, Reservation, Status},
};
use kernel::{OrderId, ProductId, Timestamp};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use testkit::{HANG_LIMIT, Stack, TestTable};
use tokio::time::timeout;

use super::{QUARTER, change, line, products, table};

const CLIENTS: u64 = 32;
const PRODUCTS: usize = 24;
const START: i64 = 40;

/// What the clients share: orders that others may go on with, and the books.
#[derive(Default)]
struct Shared {
    orders: RefCell<Vec<(OrderId, Vec<StockLine>)>>,
    adjusts: RefCell<Vec<Adjust>>,
    done: RefCell<BTreeMap<&'static str, u64>>,
}

/// What somebody came or went with. Whether it was done, the answer under its key says.
struct Adjust {
    claim: Claim,
    id: ProductId,
    by: i64,
    acknowledged: bool,
}

impl Shared {
    fn count(&self, what: &'static str) {
        *self.done.borrow_mut().entry(what).or_default() += 1;
    }

    /// What has not happened yet of what a storm has to try.
    fn missing(&self) -> Vec<&'static str> {
        let wanted = ["done", "out of stock", "ended", "killed", "too little", "read"];
        let done = self.done.borrow();
        wanted.into_iter().filter(|what| !done.contains_key(what)).collect()
    }

    /// Whether the storm goes on: until that moment, and on a slow machine until everything was tried.
    fn goes_on(&self, until: Instant) -> bool {
        let now = Instant::now();
        now < until || (now < until + HANG_LIMIT && !self.missing().is_empty())
    }

    fn any_order(&self, luck: &mut StdRng) -> Option<(OrderId, Vec<StockLine>)> {
        let orders = self.orders.borrow();
        let recent = orders.len().saturating_sub(200);
        (recent < orders.len()).then(|| orders[luck.random_range(recent..orders.len())].clone())
    }
}

/// How an attempt ended.
enum Attempt<T> {
    Done(T),
    /// Whoever did it was killed; it may have been done or not.
    Killed,
}

/// Does `step`: mostly once, sometimes twice at the same moment, sometimes cut short somewhere.
async fn attempt<T>(luck: &mut StdRng, step: impl AsyncFn() -> T) -> Attempt<T> {
    match luck.random_range(0..10) {
        0 | 1 => match timeout(Duration::from_micros(luck.random_range(0..400_000)), step()).await {
            Ok(done) => Attempt::Done(done),
            Err(_) => Attempt::Killed,
        },
        2 | 3 => Attempt::Done(join(step(), step()).await.0),
        _ => Attempt::Done(step().await),
    }
}

/// What may be answered; anything else is a fault.
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

fn any_lines(luck: &mut StdRng, ids: &[ProductId]) -> Vec<StockLine> {
    // One product is hot; some orders are so large that they have two parts.
    let first = if luck.random_bool(0.5) { 0 } else { luck.random_range(0..ids.len()) };
    let count = if luck.random_bool(0.05) { 15 } else { luck.random_range(1..4) };
    (0..count).map(|n| line(ids[(first + n) % ids.len()], luck.random_range(1..4))).collect()
}

async fn client(seed: u64, inventory: &Inventory, ids: &[ProductId], shared: &Shared, until: Instant) {
    let luck = &mut StdRng::seed_from_u64(seed);
    while shared.goes_on(until) {
        let cause = Cause::own();
        let later = Timestamp::now().plus_seconds(3_600);
        let (what, done) = match luck.random_range(0..10) {
            0..4 => {
                let (order, lines) = (OrderId::new(), any_lines(luck, ids));
                shared.orders.borrow_mut().push((order, lines.clone()));
                ("reserve", attempt(luck, async || inventory.reserve(order, &lines, &cause).await).await)
            }
            4 => {
                let id = ids[luck.random_range(0..ids.len())];
                let by = luck.random_range(-8..12);
                ("adjust", adjust(luck, inventory, shared, id, by).await)
            }
            other => {
                let Some((order, lines)) = shared.any_order(luck) else { continue };
                match other {
                    5 => {
                        ("reserve again", attempt(luck, async || inventory.reserve(order, &lines, &cause).await).await)
                    }
                    6 | 7 => ("commit", attempt(luck, async || inventory.commit(order).await).await),
                    8 => ("release", attempt(luck, async || inventory.release(order, &cause).await).await),
                    // Whoever is asked may know that the order has ended.
                    _ => {
                        let has_ended = luck.random_bool(0.5);
                        let expire = async || {
                            let asked = inventory.expire(order, later, &cause).await?;
                            if asked.is_some() && has_ended { inventory.release(order, &cause).await } else { Ok(()) }
                        };
                        ("expire", attempt(luck, expire).await)
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

/// Adjusts, again and again under the same key until there is an answer: killed or not, it is done at most once.
async fn adjust(
    luck: &mut StdRng,
    inventory: &Inventory,
    shared: &Shared,
    id: ProductId,
    by: i64,
) -> Attempt<Result<(), InventoryError>> {
    let claim = Claim::new("admin", &OrderId::new().to_string(), "adjust");
    loop {
        let step = async || change(inventory, id, Change::Adjust(by), Some(&claim)).await;
        let done = match attempt(luck, step).await {
            Attempt::Killed => {
                shared.count("killed");
                continue;
            }
            Attempt::Done(done) => done,
        };
        let acknowledged = done.is_ok();
        shared.adjusts.borrow_mut().push(Adjust { claim, id, by, acknowledged });
        return Attempt::Done(done.map(drop));
    }
}

/// Looks at all stock again and again: at no moment is there less than nothing.
async fn reader(inventory: &Inventory, ids: &[ProductId], shared: &Shared, until: Instant) {
    while shared.goes_on(until) {
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
    let inventory = table::inventory(&table, QUARTER);
    let ids = products(&inventory, PRODUCTS, START).await;
    let shared = Shared::default();
    let until = Instant::now() + Duration::from_secs(seconds);
    let clients = (0..CLIENTS).map(|seed| client(seed, &inventory, &ids, &shared, until));
    let readers = (0..2).map(|_| reader(&inventory, &ids, &shared, until));
    join(join_all(clients), join_all(readers)).await;
    println!("{:?}", shared.done.borrow());

    // What was cut short may have been sent: the books are closed once nothing changes for a while.
    let mut items = table.items().await;
    let mut unchanged = 0;
    while unchanged < 5 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let again = table.items().await;
        unchanged = if again == items { unchanged + 1 } else { 0 };
        items = again;
    }
    // Of each product: what is set aside and what is sold, by all reservations there are.
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
        let was_made = keys.contains(&adjust.claim.key().pk);
        assert!(was_made || !adjust.acknowledged, "an adjustment was acknowledged and is not there");
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
    assert!(missing.is_empty(), "the storm was too mild: nothing was {missing:?}");
    table.delete().await;
}
