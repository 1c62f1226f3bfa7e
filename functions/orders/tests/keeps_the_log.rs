//! Orders on a real table, which each test makes for itself: the log and what follows from it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, missing_docs)]

#[path = "keeps_the_log/long.rs"]
mod long;
#[path = "keeps_the_log/shop.rs"]
mod shop;

use std::collections::{BTreeMap, BTreeSet};

use dynamo::Item;
use futures::future::join_all;
use kernel::{Money, Timestamp};
use orders::{
    OrdersError,
    domain::{Command, Refusal, Status},
    rebuild::rebuild,
    store::{Appended, Beside, Change},
};
use serde_json::json;
use shop::{Shop, WAYS, act};
use testkit::text;

/// The views of all orders, as they lie in the table.
async fn views(shop: &Shop) -> BTreeMap<String, Item> {
    let items = shop.table.items().await.into_iter();
    let views = items.filter(|item| text(item, "pk").starts_with("USER#") && text(item, "sk").starts_with("ORDER#"));
    views.map(|item| (text(&item, "sk").to_owned(), item)).collect()
}

#[tokio::test]
async fn lost_views_are_rebuilt_to_the_byte() {
    let shop = Shop::open().await;
    for _ in 0..4 {
        join_all(WAYS.map(|way| shop.order_that_went(way))).await;
    }
    let before = views(&shop).await;
    let statuses: BTreeSet<&str> = before.values().map(|view| text(view, "status")).collect();
    assert_eq!(statuses.len(), Status::ALL.len(), "{statuses:?}");

    for (index, view) in before.values().enumerate() {
        // A third is lost, a third is wrong, a third is left as it is.
        let change = match index % 3 {
            0 => shop.table.client.delete_item().table_name(&shop.table.name).key("pk", view["pk"].clone()),
            1 => {
                let mut wrong = view.clone();
                wrong.insert("status".to_owned(), view["sk"].clone());
                wrong.remove("gsi1pk");
                wrong.remove("gsi1sk");
                let put = shop.table.client.put_item().table_name(&shop.table.name).set_item(Some(wrong));
                put.send().await.unwrap();
                continue;
            }
            _ => continue,
        };
        change.key("sk", view["sk"].clone()).send().await.unwrap();
    }
    assert_ne!(views(&shop).await, before);

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
    assert_eq!(views(&shop).await, before);
    shop.close().await;
}

#[tokio::test]
async fn a_view_is_not_replaced_by_an_older_one() {
    let shop = Shop::open().await;
    let old = shop.order_that_went("paid").await;
    shop.orders.carry_out(old.id, Command::Process, &act("test")).await.unwrap();
    let before = views(&shop).await;
    assert!(!shop.store().rebuild_view(&old).await.unwrap());
    assert_eq!(views(&shop).await, before);
    shop.close().await;
}

#[tokio::test]
async fn counters_are_exact_after_many_at_once() {
    let shop = Shop::open().await;
    let orders = join_all((0..96).map(|index| shop.order_that_went(WAYS[index % WAYS.len()]))).await;
    let mut expected: BTreeMap<Status, (i64, i64)> = Status::ALL.map(|status| (status, (0, 0))).into();
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
    let order = shop.order_that_went("paid").await;
    let append = async |command: Command| {
        let mut changed = order.clone();
        let events = changed.decide(command).unwrap();
        events.iter().for_each(|event| changed.apply(event, Timestamp::now()));
        let act = act("test");
        let change = Change { before: Some(order.status), order: &changed, events, act: &act };
        shop.store().append(change, Beside::default()).await.unwrap()
    };
    let cancel = Command::by_hand(Status::Cancelled).unwrap();
    let (one, other) = tokio::join!(append(Command::Process), append(cancel.clone()));
    let done = |appended: &Appended| matches!(appended, Appended::Done);
    assert!(done(&one) != done(&other), "{one:?} {other:?}");
    assert_eq!(shop.store().history(order.id, 0, 100).await.unwrap().0.len(), order.sequence as usize + 1);

    // Through the use case, the second looks again, and does what is left to do.
    let order = shop.order_that_went("paid").await;
    let act = act("test");
    let (process, cancelled) = tokio::join!(
        shop.orders.carry_out(order.id, Command::Process, &act),
        shop.orders.carry_out(order.id, cancel, &act)
    );
    assert_eq!(cancelled.unwrap().status, Status::Cancelled);
    let refused = Refusal::Step { from: Status::Cancelled, to: Status::Processing };
    assert!(process.is_ok() || matches!(process, Err(OrdersError::Refused(found)) if found == refused), "{process:?}");
    shop.close().await;
}

/// The money goes back while the order is being ended: whoever comes second sees the other.
#[tokio::test]
async fn a_refund_beside_a_cancellation_ends_refunded() {
    let shop = Shop::open().await;
    for _ in 0..12 {
        let order = shop.order_that_went("paid").await;
        let act = act("test");
        let cancel = Command::by_hand(Status::Cancelled).unwrap();
        let (heard, cancelled) = tokio::join!(
            shop.hear_of_refund(&order, order.total),
            shop.orders.carry_out(order.id, cancel.clone(), &act)
        );
        // Who loses twice is told to come again, as the queue does and a person may.
        if heard.is_err() {
            shop.hear_of_refund(&order, order.total).await.unwrap();
        }
        if cancelled.is_err() {
            shop.orders.carry_out(order.id, cancel, &act).await.unwrap();
        }
        let ended = shop.order(order.id).await;
        assert_eq!(ended.status, Status::Refunded);
        assert_eq!(shop.store().replayed(order.id).await.unwrap(), Some(ended));
    }
    shop.close().await;
}

/// The refund is heard of after the cancellation has looked and before it is written.
#[tokio::test]
async fn a_cancellation_that_has_not_seen_the_refund_is_not_written() {
    let shop = Shop::open().await;
    let order = shop.order_that_went("paid").await;
    let cancel = Command::by_hand(Status::Cancelled).unwrap();
    let act = act("test");
    let mut changed = order.clone();
    let events = changed.decide(cancel.clone()).unwrap();
    events.iter().for_each(|event| changed.apply(event, Timestamp::now()));
    let seen = shop.store().payment(order.id).await.unwrap();

    shop.hear_of_refund(&order, order.total).await.unwrap();
    assert_eq!(shop.order(order.id).await.status, Status::Paid);
    let change = Change { before: Some(order.status), order: &changed, events, act: &act };
    let beside = Beside { payment: Some(seen.as_ref()), ..Beside::default() };
    assert!(matches!(shop.store().append(change, beside).await.unwrap(), Appended::Conflict));
    assert_eq!(shop.orders.carry_out(order.id, cancel, &act).await.unwrap().status, Status::Refunded);
    shop.close().await;
}

#[tokio::test]
async fn money_that_goes_back_on_the_way_counts_when_the_order_arrives() {
    let shop = Shop::open().await;
    let order = shop.order_that_went("shipped").await;
    let half = Money::from_minor(order.total.minor() / 2, order.total.currency());
    shop.hear_of_refund(&order, half).await.unwrap();
    shop.hear_of_refund(&order, half).await.unwrap();
    assert_eq!(shop.order(order.id).await.status, Status::Shipped);
    let delivered = shop.orders.carry_out(order.id, Command::Deliver, &act("test")).await.unwrap();
    assert_eq!(delivered.status, Status::Refunded);
    let (entries, _) = shop.store().history(order.id, order.sequence, 10).await.unwrap();
    assert_eq!(entries.len(), 2, "delivered, refunded");
    shop.close().await;
}
