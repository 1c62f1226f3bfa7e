//! Tests of inventory on a real table, which each test creates for itself: many clients change the same stock at once.
//!
//! Clients of one process stand for execution environments of functions. A client that is dropped in the middle of its
//! work stands for a function that was killed: the requests that it had sent may have been executed or not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, missing_docs)]

#[path = "never_oversold/storm.rs"]
mod storm;
#[path = "never_oversold/table.rs"]
mod table;

use std::time::Duration;

use contracts::{Cause, StockLine, StockReserved};
use dynamo::{IdempotencyKey, StoredResponse};
use futures::future::join_all;
use inventory::{Inventory, InventoryError, Outcome, domain::Change, publish, sweep};
use kernel::{OrderId, ProductId, Quantity, Timestamp};
use testkit::TestTable;

const QUARTER_HOUR: Duration = Duration::from_secs(900);

fn line(product_id: ProductId, pieces: u32) -> StockLine {
    StockLine { product_id, quantity: Quantity::try_from(pieces).unwrap() }
}

/// Creates `count` new products with `pieces` pieces each.
async fn products(inventory: &Inventory, count: usize, pieces: i64) -> Vec<ProductId> {
    join_all((0..count).map(|_| async {
        let id = ProductId::new();
        inventory.create_stock(id).await.unwrap();
        change(inventory, id, Change::Set(pieces), None).await.unwrap();
        id
    }))
    .await
}

async fn change(
    inventory: &Inventory,
    id: ProductId,
    change: Change,
    idempotency_key: Option<&IdempotencyKey>,
) -> Result<Outcome, InventoryError> {
    let respond = |stock: &inventory::domain::Stock| {
        Ok(StoredResponse { status: 200, location: None, body: stock.on_hand().to_string() })
    };
    inventory.change(id, change, idempotency_key, Timestamp::now(), respond).await
}

/// Returns `(available, reserved)`.
async fn levels(inventory: &Inventory, id: ProductId) -> (i64, i64) {
    let stock = inventory.stock(id).await.unwrap();
    (stock.available(), stock.reserved())
}

/// Executes the same step `count` times at once, and returns all results.
async fn at_once<T>(count: usize, step: impl AsyncFn() -> T) -> Vec<T> {
    join_all((0..count).map(|_| step())).await
}

#[tokio::test]
async fn one_reservation_executed_eight_times_at_once() {
    let table = TestTable::create().await;
    let inventory = table::inventory(&table, QUARTER_HOUR);
    // The orders have one part, two, and several.
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
    let inventory = table::inventory(&table, QUARTER_HOUR);
    for lines in [1, 20, 60] {
        let ids = products(&inventory, lines, 9).await;
        let mut lines: Vec<StockLine> = ids.iter().map(|id| line(*id, 2)).collect();
        // The last line is short, and all lines before it are reserved first.
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
    let inventory = table::inventory(&table, QUARTER_HOUR);
    let ids = products(&inventory, 20, 500).await;
    let lines: Vec<StockLine> = ids.iter().map(|id| line(*id, 2)).collect();
    join_all((0..20).map(|_| async {
        let (order, cause) = (OrderId::new(), Cause::own());
        let (reserved, released) =
            futures::join!(inventory.reserve(order, &lines, &cause), inventory.release(order, &cause));
        released.unwrap();
        assert!(matches!(reserved, Ok(()) | Err(InventoryError::Ended)), "{reserved:?}");
        // A reservation that comes after the release finds that the order has ended.
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
async fn an_expired_reservation_is_reported_and_stays_reserved() {
    let table = TestTable::create().await;
    let (hasty, patient) = (table::inventory(&table, Duration::ZERO), table::inventory(&table, QUARTER_HOUR));
    let ids = products(&patient, 30, 9).await;
    let lines: Vec<StockLine> = ids.iter().map(|id| line(*id, 2)).collect();
    let [overdue, in_time, sold] = [OrderId::new(), OrderId::new(), OrderId::new()];
    hasty.reserve(overdue, &lines, &Cause::own()).await.unwrap();
    patient.reserve(in_time, &lines, &Cause::own()).await.unwrap();
    hasty.reserve(sold, &lines, &Cause::own()).await.unwrap();
    hasty.commit(sold).await.unwrap();
    // Of two sweeps at once and a third one, only one reports the order: the next report is 15 minutes away.
    let swept = at_once(2, async || sweep::sweep(&patient, sweep::ScheduledEvent {}).await.unwrap().asked).await;
    assert_eq!(swept.iter().sum::<usize>(), 1);
    assert_eq!(sweep::sweep(&patient, sweep::ScheduledEvent {}).await.unwrap().asked, 0);
    for id in &ids {
        assert_eq!(levels(&patient, *id).await, (3, 4));
    }
    assert_eq!(table::events_of(&table, overdue).await, [("ReservationExpired".to_owned(), 2)]);
    // The order was paid, and the event of it arrived late.
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
    let inventory = table::inventory(&table, QUARTER_HOUR);
    // The orders have one part, and several.
    for lines in [1, 30] {
        let ids = products(&inventory, lines, 9).await;
        let lines: Vec<StockLine> = ids.iter().map(|id| line(*id, 2)).collect();
        let (order, cause) = (OrderId::new(), Cause::own());
        inventory.reserve(order, &lines, &cause).await.unwrap();
        let events = publish::events_of(&inventory, &table::completed(&table, order).await).await.unwrap();
        let repeated = publish::events_of(&inventory, &table::completed(&table, order).await).await.unwrap();
        let ([event], [again]) = (&events[..], &repeated[..]) else { panic!("one event: {events:?}") };
        assert_eq!(event.event, StockReserved { order_id: order, lines }.into());
        assert_eq!((event.sequence, &event.correlation_id), (1, &cause.correlation_id));
        assert_eq!((event.event_id, event.timestamp), (again.event_id, again.timestamp));
        // Later changes of the part publish no further `StockReserved`.
        inventory.commit(order).await.unwrap();
        assert!(table::completed(&table, order).await.is_empty());
    }
    table.delete().await;
}

#[tokio::test]
async fn a_reservation_that_stays_open_after_four_reports_fails_the_sweep() {
    let table = TestTable::create().await;
    let inventory = table::inventory(&table, Duration::ZERO);
    let [mug] = products(&inventory, 1, 5).await[..] else { panic!("one product") };
    let order = OrderId::new();
    inventory.reserve(order, &[line(mug, 2)], &Cause::own()).await.unwrap();
    let mut swept = Vec::new();
    for _ in 0..4 {
        swept.push(sweep::sweep(&inventory, sweep::ScheduledEvent {}).await.is_ok());
    }
    assert_eq!(swept, [true, true, true, false]);
    inventory.release(order, &Cause::own()).await.unwrap();
    assert_eq!(sweep::sweep(&inventory, sweep::ScheduledEvent {}).await.unwrap().asked, 0);
    assert_eq!(levels(&inventory, mug).await, (5, 0));
    let events = table::events_of(&table, order).await;
    assert_eq!(events.last().map(|(event, sequence)| (event.as_str(), *sequence)), Some(("StockReleased", 6)));
    table.delete().await;
}

#[tokio::test]
async fn a_change_with_an_idempotency_key_is_made_once() {
    let table = TestTable::create().await;
    let inventory = table::inventory(&table, QUARTER_HOUR);
    let [mug] = products(&inventory, 1, 5).await[..] else { panic!("one product") };
    let idempotency_key = IdempotencyKey::new("admin", "key", "adjust -5");
    let done = at_once(8, async || change(&inventory, mug, Change::Adjust(-5), Some(&idempotency_key)).await).await;
    for outcome in done {
        match outcome.unwrap() {
            Outcome::Stock(stock) => assert_eq!(stock.on_hand(), 0),
            Outcome::Replayed(response) => assert_eq!(response.body, "0"),
        }
    }
    assert_eq!(levels(&inventory, mug).await, (0, 0));
    let other = IdempotencyKey::new("admin", "key", "adjust -1");
    let reused = change(&inventory, mug, Change::Adjust(-1), Some(&other)).await;
    assert!(matches!(reused, Err(InventoryError::KeyReused(_))));
    // Concurrent requests that set the stock do not add up: the last one wins.
    let set = at_once(6, async || change(&inventory, mug, Change::Set(7), None).await).await;
    assert!(set.iter().any(Result::is_ok));
    assert_eq!(levels(&inventory, mug).await, (7, 0));
    table.delete().await;
}
