//! Tests of orders on a real table, which each test creates for itself: the log, and what follows from it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, missing_docs)]

#[path = "event_log/long.rs"]
mod long;
#[path = "event_log/shop.rs"]
mod shop;

use std::collections::{BTreeMap, BTreeSet};

use dynamo::Item;
use futures::future::join_all;
use kernel::{Money, Timestamp};
use orders::{
    OrdersError,
    domain::{Command, Refusal, Status},
    rebuild::rebuild,
    store::{Appended, Change, TransactionExtras},
};
use serde_json::json;
use shop::{STATES, Shop, audit_context};
use strum::VariantArray;
use testkit::text;

/// Returns the items of all read models, by sort key.
async fn read_models(shop: &Shop) -> BTreeMap<String, Item> {
    let items = shop.table.items().await.into_iter();
    let found = items.filter(|item| text(item, "pk").starts_with("USER#") && text(item, "sk").starts_with("ORDER#"));
    found.map(|item| (text(&item, "sk").to_owned(), item)).collect()
}

#[tokio::test]
async fn lost_read_models_are_rebuilt_to_the_byte() {
    let shop = Shop::open().await;
    for _ in 0..4 {
        join_all(STATES.map(|state| shop.order_in_state(state))).await;
    }
    let before = read_models(&shop).await;
    let statuses: BTreeSet<&str> = before.values().map(|item| text(item, "status")).collect();
    assert_eq!(statuses.len(), Status::VARIANTS.len(), "{statuses:?}");

    for (index, item) in before.values().enumerate() {
        // A third is deleted, a third is made wrong, and a third stays as it is.
        let change = match index % 3 {
            0 => shop.table.client.delete_item().table_name(&shop.table.name).key("pk", item["pk"].clone()),
            1 => {
                let mut wrong = item.clone();
                wrong.insert("status".to_owned(), item["sk"].clone());
                wrong.remove("gsi1pk");
                wrong.remove("gsi1sk");
                let put = shop.table.client.put_item().table_name(&shop.table.name).set_item(Some(wrong));
                put.send().await.unwrap();
                continue;
            }
            _ => continue,
        };
        change.key("sk", item["sk"].clone()).send().await.unwrap();
    }
    assert_ne!(read_models(&shop).await, before);

    let mut from = json!({});
    let mut rebuilt = 0;
    loop {
        let done = rebuild(&shop.orders, serde_json::from_value(from).unwrap()).await.unwrap();
        let done = serde_json::to_value(done).unwrap();
        rebuilt += done["rebuilt"].as_u64().unwrap();
        if done["next"].is_null() {
            break;
        }
        from = json!({ "from": done["next"] });
    }
    assert_eq!(rebuilt, before.len() as u64);
    assert_eq!(read_models(&shop).await, before);
    shop.close().await;
}

#[tokio::test]
async fn a_read_model_is_not_replaced_by_an_older_one() {
    let shop = Shop::open().await;
    let old = shop.order_in_state("paid").await;
    shop.orders.execute(old.id, Command::Process, &audit_context("test")).await.unwrap();
    let before = read_models(&shop).await;
    assert!(!shop.store().rebuild_read_model(&old).await.unwrap());
    assert_eq!(read_models(&shop).await, before);
    shop.close().await;
}

#[tokio::test]
async fn counters_are_exact_after_many_concurrent_orders() {
    let shop = Shop::open().await;
    let orders = join_all((0..96).map(|index| shop.order_in_state(STATES[index % STATES.len()]))).await;
    let mut expected: BTreeMap<Status, (i64, i64)> = Status::VARIANTS.iter().map(|status| (*status, (0, 0))).collect();
    for order in &orders {
        let (count, minor) = expected.entry(order.status).or_default();
        (*count, *minor) = (*count + 1, *minor + order.total.minor());
    }
    let counted = shop.orders.counts().await.unwrap().into_iter();
    let counted = counted.map(|(status, count)| (status, (count.orders, count.totals().map(Money::minor).sum())));
    assert_eq!(counted.collect::<BTreeMap<_, _>>(), expected);
    shop.close().await;
}

#[tokio::test]
async fn of_two_changes_at_the_same_place_one_is_written() {
    let shop = Shop::open().await;
    let order = shop.order_in_state("paid").await;
    let append = async |command: Command| {
        let mut changed = order.clone();
        let events = changed.decide(command).unwrap();
        events.iter().for_each(|event| changed.apply(event, Timestamp::now()));
        let audit = audit_context("test");
        let change = Change { previous_status: Some(order.status), order: &changed, events, audit: &audit };
        shop.store().append(change, TransactionExtras::default()).await.unwrap()
    };
    let cancel = Command::by_hand(Status::Cancelled).unwrap();
    let (one, other) = tokio::join!(append(Command::Process), append(cancel.clone()));
    let done = |appended: &Appended| matches!(appended, Appended::Done);
    assert!(done(&one) != done(&other), "{one:?} {other:?}");
    assert_eq!(shop.store().history(order.id, 0, 100).await.unwrap().0.len(), order.sequence as usize + 1);

    // The use case of the second change reads the order again, and does what is left to do.
    let order = shop.order_in_state("paid").await;
    let audit = audit_context("test");
    let (process, cancelled) = tokio::join!(
        shop.orders.execute(order.id, Command::Process, &audit),
        shop.orders.execute(order.id, cancel, &audit)
    );
    assert_eq!(cancelled.unwrap().status, Status::Cancelled);
    let refused = Refusal::Step { from: Status::Cancelled, to: Status::Processing };
    assert!(process.is_ok() || matches!(process, Err(OrdersError::Refused(found)) if found == refused), "{process:?}");
    shop.close().await;
}

/// All money is refunded while the order is being cancelled: whichever comes second sees the other one.
#[tokio::test]
async fn a_refund_beside_a_cancellation_ends_refunded() {
    let shop = Shop::open().await;
    for _ in 0..12 {
        let order = shop.order_in_state("paid").await;
        let audit = audit_context("test");
        let cancel = Command::by_hand(Status::Cancelled).unwrap();
        let (refunded, cancelled) =
            tokio::join!(shop.apply_refund(&order, order.total), shop.orders.execute(order.id, cancel.clone(), &audit));
        // A change that conflicts twice is repeated, as the queue and a client do.
        if refunded.is_err() {
            shop.apply_refund(&order, order.total).await.unwrap();
        }
        if cancelled.is_err() {
            shop.orders.execute(order.id, cancel, &audit).await.unwrap();
        }
        let order = shop.order(order.id).await;
        assert_eq!(order.status, Status::Refunded);
        assert_eq!(shop.store().replay(order.id).await.unwrap(), Some(order));
    }
    shop.close().await;
}

/// The refund arrives after the cancellation has read the payment and before it is written.
#[tokio::test]
async fn a_cancellation_that_has_not_seen_the_refund_is_not_written() {
    let shop = Shop::open().await;
    let order = shop.order_in_state("paid").await;
    let cancel = Command::by_hand(Status::Cancelled).unwrap();
    let audit = audit_context("test");
    let mut changed = order.clone();
    let events = changed.decide(cancel.clone()).unwrap();
    events.iter().for_each(|event| changed.apply(event, Timestamp::now()));
    let expected = shop.store().payment(order.id).await.unwrap();

    shop.apply_refund(&order, order.total).await.unwrap();
    assert_eq!(shop.order(order.id).await.status, Status::Paid);
    let change = Change { previous_status: Some(order.status), order: &changed, events, audit: &audit };
    let extras = TransactionExtras { expected_payment: Some(expected.as_ref()), ..TransactionExtras::default() };
    assert!(matches!(shop.store().append(change, extras).await.unwrap(), Appended::Conflict));
    assert_eq!(shop.orders.execute(order.id, cancel, &audit).await.unwrap().status, Status::Refunded);
    shop.close().await;
}

#[tokio::test]
async fn an_order_that_is_refunded_before_its_delivery_is_refunded_when_delivered() {
    let shop = Shop::open().await;
    let order = shop.order_in_state("shipped").await;
    let half = Money::from_minor(order.total.minor() / 2, order.total.currency());
    shop.apply_refund(&order, half).await.unwrap();
    shop.apply_refund(&order, half).await.unwrap();
    assert_eq!(shop.order(order.id).await.status, Status::Shipped);
    let delivered = shop.orders.execute(order.id, Command::Deliver, &audit_context("test")).await.unwrap();
    assert_eq!(delivered.status, Status::Refunded);
    let (entries, _) = shop.store().history(order.id, order.sequence, 10).await.unwrap();
    assert_eq!(entries.len(), 2, "OrderDelivered and OrderRefunded");
    shop.close().await;
}
