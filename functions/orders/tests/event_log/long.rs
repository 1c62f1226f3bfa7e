//! Orders with long logs.

use contracts::{CheckoutStarted, OrderEvent};
use dynamo::AttributeValue;
use kernel::{OrderId, Timestamp};
use orders::{
    domain::Order,
    store::{Change, Entry, TransactionExtras},
};

use testkit::text;

use super::shop::{Shop, audit_context};

/// How many events are written in one append. Fewer take longer; the result is the same.
const EVENTS_PER_APPEND: usize = 40;

/// Returns an order with that number of events. No real order has so many.
async fn order_with_events(shop: &Shop, events: usize) -> Order {
    let mut order = shop.place().await;
    let (order_id, user_id, total) = (order.id, order.user_id, order.total);
    let again = || -> OrderEvent {
        let payment_method = "pm_card_visa".to_owned();
        CheckoutStarted { order_id, user_id, lines: Vec::new(), total, payment_method }.into()
    };
    while (order.sequence as usize) < events {
        let events: Vec<OrderEvent> =
            (order.sequence as usize..events).take(EVENTS_PER_APPEND).map(|_| again()).collect();
        // Each append is a millisecond later, independently of the clock.
        let now = Timestamp::from_millis(order.updated_at.as_millis() + 1);
        let previous_status = Some(order.status);
        events.iter().for_each(|event| order.apply(event, now));
        let audit = audit_context("test");
        let change = Change { previous_status, order: &order, events, audit: &audit };
        shop.store().append(change, TransactionExtras::default()).await.unwrap();
    }
    order
}

async fn history(shop: &Shop, id: OrderId) -> Vec<Entry> {
    shop.store().history(id, 0, usize::MAX).await.unwrap().0
}

/// Deletes all events of an order but the first, so that nobody can read them. Returns their number.
async fn delete_events(shop: &Shop, order: &Order) -> usize {
    let mut deleted = 0;
    for item in shop.table.items().await {
        let (pk, sk) = (text(&item, "pk"), text(&item, "sk"));
        if pk == format!("ORDER#{}", order.id) && sk.starts_with("EVENT#") && sk != "EVENT#000001" {
            let delete = shop.table.client.delete_item().table_name(&shop.table.name);
            delete.key("pk", item["pk"].clone()).key("sk", item["sk"].clone()).send().await.unwrap();
            deleted += 1;
        }
    }
    deleted
}

/// Reading an order does not depend on the length of its log: at most its first event is read, which names the
/// customer.
#[tokio::test]
async fn an_order_is_read_without_its_events() {
    let shop = Shop::open().await;
    let order = order_with_events(&shop, 1_000).await;
    let store = shop.store();
    assert_eq!(store.replay(order.id).await.unwrap().as_ref(), Some(&order), "the replayed order");
    assert_eq!(delete_events(&shop, &order).await, 999);
    assert_eq!(store.read_model(order.user_id, order.id).await.unwrap().as_ref(), Some(&order));
    assert_eq!(store.order(order.id).await.unwrap().as_ref(), Some(&order));
    shop.close().await;
}

/// Changes the version and the status in all snapshots of an order. Returns their number.
async fn corrupt_snapshots(shop: &Shop, order: &Order) -> usize {
    let mut changed = 0;
    for mut item in shop.table.items().await {
        let is_of_order = text(&item, "pk") == format!("ORDER#{}", order.id);
        let Some(AttributeValue::S(snapshot)) = item.get_mut("snapshot").filter(|_| is_of_order) else { continue };
        *snapshot = snapshot.replace("\"version\":1", "\"version\":0").replace("pending", "delivered");
        shop.table.client.put_item().table_name(&shop.table.name).set_item(Some(item)).send().await.unwrap();
        changed += 1;
    }
    changed
}

#[tokio::test]
async fn a_snapshot_of_another_version_is_ignored() {
    let shop = Shop::open().await;
    let order = order_with_events(&shop, 300).await;
    let log = history(&shop, order.id).await;
    let moment = log[250].envelope.timestamp;
    let before = shop.store().order_at(order.id, order.sequence, moment).await.unwrap().unwrap();
    assert_eq!(corrupt_snapshots(&shop, &order).await, 4);
    assert_eq!(shop.store().order_at(order.id, order.sequence, moment).await.unwrap().unwrap(), before);
    shop.close().await;
}

/// Checks all kinds of moments: before the placement, at the first event, within a page, before and after a snapshot,
/// at the last event, and later.
#[tokio::test]
async fn a_past_state_follows_from_the_events_until_then() {
    let shop = Shop::open().await;
    for length in [1, 3, 63, 64, 65, 500] {
        let order = order_with_events(&shop, length).await;
        let log = history(&shop, order.id).await;
        assert_eq!(log.len(), length);
        let sequences: Vec<u64> = log.iter().map(|entry| entry.envelope.sequence).collect();
        assert!(sequences.is_sorted());
        let at = async |moment| shop.store().order_at(order.id, order.sequence, moment).await.unwrap();
        for entry in log.iter().step_by(7).chain(log.last()) {
            let moment = entry.envelope.timestamp;
            let until_then = log.iter().map(|entry| (&entry.envelope.event, entry.envelope.timestamp));
            let until_then = Order::replay(until_then.take_while(|(_, time)| *time <= moment));
            assert_eq!(at(moment).await, until_then, "{length} events, at number {}", entry.envelope.sequence);
        }
        assert_eq!(at(order.placed_at.plus_seconds(-1)).await, None);
        assert_eq!(at(order.updated_at.plus_seconds(60)).await, Some(order.clone()));
    }
    shop.close().await;
}
