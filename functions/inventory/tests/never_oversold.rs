//! Inventory on a real table, which each test makes for itself: what many do to the same stock at the same moment.
//!
//! Clients of one process stand for the functions' environments. Where one is dropped in the middle of its work, it is
//! a function that was killed: what it had sent may or may not have been done.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, missing_docs)]

#[path = "never_oversold/storm.rs"]
mod storm;
#[path = "never_oversold/table.rs"]
mod table;

use std::time::Duration;

use contracts::{Cause, StockLine, StockReserved};
use dynamo::{Answer, Claim};
use futures::future::join_all;
use inventory::{Inventory, InventoryError, Outcome, domain::Change, sweep, tell};
use kernel::{OrderId, ProductId, Quantity, Timestamp};
use testkit::TestTable;

const QUARTER: Duration = Duration::from_secs(900);

fn line(product_id: ProductId, pieces: u32) -> StockLine {
    StockLine { product_id, quantity: Quantity::try_from(pieces).unwrap() }
}

/// So many new products, so many pieces of each.
async fn products(inventory: &Inventory, count: usize, pieces: i64) -> Vec<ProductId> {
    join_all((0..count).map(|_| async {
        let id = ProductId::new();
        inventory.keep(id).await.unwrap();
        change(inventory, id, Change::Set(pieces), None).await.unwrap();
        id
    }))
    .await
}

async fn change(
    inventory: &Inventory,
    id: ProductId,
    change: Change,
    claim: Option<&Claim>,
) -> Result<Outcome, InventoryError> {
    let respond = |stock: &inventory::domain::Stock| {
        Ok(Answer { status: 200, location: None, body: stock.on_hand().to_string() })
    };
    inventory.change(id, change, claim, Timestamp::now(), respond).await
}

/// `(available, reserved)`
async fn levels(inventory: &Inventory, id: ProductId) -> (i64, i64) {
    let stock = inventory.stock(id).await.unwrap();
    (stock.available(), stock.reserved())
}

/// What `count` executions of the same step at the same moment answer.
async fn at_once<T>(count: usize, step: impl AsyncFn() -> T) -> Vec<T> {
    join_all((0..count).map(|_| step())).await
}

#[tokio::test]
async fn one_reservation_executed_eight_times_at_once() {
    let table = TestTable::create().await;
    let inventory = table::inventory(&table, QUARTER);
    // Of one part, of two, and of several.
    for lines in [1, 20, 60] {
        let ids = products(&inventory, lines, 9).await;
        let lines: Vec<StockLine> = ids.iter().map(|id| line(*id, 2)).collect();
        let order = OrderId::new();
        let done = at_once(8, async || inventory.reserve(order, &lines, &Cause::own()).await).await;
        assert!(done.iter().all(Result::is_ok), "{done:?}");
        for id in &ids {
            assert_eq!(levels(&inventory, *id).await, (7, 2));
        }
        let done = at_once(8, async || inventory.commit(order).await).await;
        assert!(done.iter().all(Result::is_ok), "{done:?}");
        let done = at_once(8, async || inventory.release(order, &Cause::own()).await).await;
        assert!(done.iter().all(Result::is_ok), "{done:?}");
        for id in &ids {
            assert_eq!(levels(&inventory, *id).await, (9, 0));
        }
    }
    table.delete().await;
}

#[tokio::test]
async fn one_reservation_that_is_short_executed_eight_times_at_once() {
    let table = TestTable::create().await;
    let inventory = table::inventory(&table, QUARTER);
    for lines in [1, 20, 60] {
        let ids = products(&inventory, lines, 9).await;
        let mut lines: Vec<StockLine> = ids.iter().map(|id| line(*id, 2)).collect();
        // The last one is short: all that comes before it was set aside.
        let last = lines.last_mut().unwrap();
        *last = line(last.product_id, 10);
        let order = OrderId::new();
        let done = at_once(8, async || inventory.reserve(order, &lines, &Cause::own()).await).await;
        for done in &done {
            assert!(
                matches!(done, Err(InventoryError::OutOfStock(short)) if short[..] == ids[ids.len() - 1..]),
                "{done:?}"
            );
        }
        for id in &ids {
            assert_eq!(levels(&inventory, *id).await, (9, 0));
        }
        assert!(matches!(inventory.commit(order).await, Err(InventoryError::NotReserved)));
    }
    table.delete().await;
}

#[tokio::test]
async fn a_reservation_and_its_release_at_once() {
    let table = TestTable::create().await;
    let inventory = table::inventory(&table, QUARTER);
    let ids = products(&inventory, 20, 500).await;
    let lines: Vec<StockLine> = ids.iter().map(|id| line(*id, 2)).collect();
    join_all((0..20).map(|_| async {
        let (order, cause) = (OrderId::new(), Cause::own());
        let (reserved, released) =
            futures::join!(inventory.reserve(order, &lines, &cause), inventory.release(order, &cause));
        released.unwrap();
        assert!(matches!(reserved, Ok(()) | Err(InventoryError::Ended)), "{reserved:?}");
        // What was a moment too late for the release finds the order ended.
        assert!(matches!(inventory.reserve(order, &lines, &cause).await, Err(InventoryError::Ended)));
        inventory.release(order, &cause).await.unwrap();
    }))
    .await;
    for id in &ids {
        assert_eq!(levels(&inventory, *id).await, (500, 0));
    }
    table.delete().await;
}

#[tokio::test]
async fn what_is_set_aside_for_too_long_is_asked_about_and_stays_set_aside() {
    let table = TestTable::create().await;
    let (hasty, patient) = (table::inventory(&table, Duration::ZERO), table::inventory(&table, QUARTER));
    let ids = products(&patient, 30, 9).await;
    let lines: Vec<StockLine> = ids.iter().map(|id| line(*id, 2)).collect();
    let [overdue, in_time, sold] = [OrderId::new(), OrderId::new(), OrderId::new()];
    hasty.reserve(overdue, &lines, &Cause::own()).await.unwrap();
    patient.reserve(in_time, &lines, &Cause::own()).await.unwrap();
    hasty.reserve(sold, &lines, &Cause::own()).await.unwrap();
    hasty.commit(sold).await.unwrap();
    // Two sweeps at once, and one more: one of them asks, and the next time is a quarter of an hour away.
    let swept = at_once(2, async || sweep::sweep(&patient, sweep::Tick {}).await.unwrap().asked).await;
    assert_eq!(swept.iter().sum::<usize>(), 1);
    assert_eq!(sweep::sweep(&patient, sweep::Tick {}).await.unwrap().asked, 0);
    for id in &ids {
        assert_eq!(levels(&patient, *id).await, (3, 4));
    }
    assert_eq!(table::events_of(&table, overdue).await, [("ReservationExpired".to_owned(), 2)]);
    // It was paid all the same, but the news were slow.
    patient.commit(overdue).await.unwrap();
    patient.release(in_time, &Cause::own()).await.unwrap();
    for id in &ids {
        assert_eq!(levels(&patient, *id).await, (5, 0));
    }
    table.delete().await;
}

#[tokio::test]
async fn a_reservation_is_published_by_the_part_that_completes_it() {
    let table = TestTable::create().await;
    let inventory = table::inventory(&table, QUARTER);
    // Of one part, and of several.
    for lines in [1, 30] {
        let ids = products(&inventory, lines, 9).await;
        let lines: Vec<StockLine> = ids.iter().map(|id| line(*id, 2)).collect();
        let (order, cause) = (OrderId::new(), Cause::own());
        inventory.reserve(order, &lines, &cause).await.unwrap();
        let told = tell::tell(&inventory, &table::completed(&table, order).await).await.unwrap();
        let again = tell::tell(&inventory, &table::completed(&table, order).await).await.unwrap();
        let ([told], [again]) = (&told[..], &again[..]) else { panic!("one event: {told:?}") };
        assert_eq!(told.event, StockReserved { order_id: order, lines }.into());
        assert_eq!((told.sequence, &told.correlation_id), (1, &cause.correlation_id));
        assert_eq!((told.event_id, told.timestamp), (again.event_id, again.timestamp));
        // What becomes of it later tells that no more.
        inventory.commit(order).await.unwrap();
        assert!(table::completed(&table, order).await.is_empty());
    }
    table.delete().await;
}

#[tokio::test]
async fn an_order_that_nothing_becomes_of_is_a_case_for_a_person() {
    let table = TestTable::create().await;
    let inventory = table::inventory(&table, Duration::ZERO);
    let [mug] = products(&inventory, 1, 5).await[..] else { panic!("one product") };
    let order = OrderId::new();
    inventory.reserve(order, &[line(mug, 2)], &Cause::own()).await.unwrap();
    let mut swept = Vec::new();
    for _ in 0..4 {
        swept.push(sweep::sweep(&inventory, sweep::Tick {}).await.is_ok());
    }
    assert_eq!(swept, [true, true, true, false]);
    inventory.release(order, &Cause::own()).await.unwrap();
    assert_eq!(sweep::sweep(&inventory, sweep::Tick {}).await.unwrap().asked, 0);
    assert_eq!(levels(&inventory, mug).await, (5, 0));
    let told = table::events_of(&table, order).await;
    assert_eq!(told.last().map(|(event, place)| (event.as_str(), *place)), Some(("StockReleased", 6)));
    table.delete().await;
}

#[tokio::test]
async fn a_change_with_a_key_is_made_once() {
    let table = TestTable::create().await;
    let inventory = table::inventory(&table, QUARTER);
    let [mug] = products(&inventory, 1, 5).await[..] else { panic!("one product") };
    let claim = Claim::new("admin", "key", "adjust -5");
    let done = at_once(8, async || change(&inventory, mug, Change::Adjust(-5), Some(&claim)).await).await;
    for outcome in done {
        match outcome.unwrap() {
            Outcome::Stock(stock) => assert_eq!(stock.on_hand(), 0),
            Outcome::Answer(answer) => assert_eq!(answer.body, "0"),
        }
    }
    assert_eq!(levels(&inventory, mug).await, (0, 0));
    let other = Claim::new("admin", "key", "adjust -1");
    let reused = change(&inventory, mug, Change::Adjust(-1), Some(&other)).await;
    assert!(matches!(reused, Err(InventoryError::KeyReused(_))));
    // Of settings at the same moment one is the last: they do not add up.
    let set = at_once(6, async || change(&inventory, mug, Change::Set(7), None).await).await;
    assert!(set.iter().any(Result::is_ok));
    assert_eq!(levels(&inventory, mug).await, (7, 0));
    table.delete().await;
}
