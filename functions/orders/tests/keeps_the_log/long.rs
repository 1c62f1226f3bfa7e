//! Orders with long logs.

use contracts::{CheckoutStarted, OrderEvent};
use dynamo::AttributeValue;
use kernel::{OrderId, Timestamp};
use orders::{
    domain::Order,
    store::{Beside, Change, Entry},
};

use testkit::text;

use super::shop::{Shop, act};

/// How many events are written at once: the fewer, the longer it takes; in the end nobody sees the difference.
const AT_ONCE: usize = 40;

/// An order with so many events. (No order has so many; the log does not know that.)
async fn order_of(shop: &Shop, events: usize) -> Order {
    let mut order = shop.place().await;
    let (order_id, user_id, total) = (order.id, order.user_id, order.total);
    let again = || -> OrderEvent {
        let payment_method = "pm_card_visa".to_owned();
        CheckoutStarted { order_id, user_id, lines: Vec::new(), total, payment_method }.into()
    };
    while (order.sequence as usize) < events {
        let events: Vec<OrderEvent> = (order.sequence as usize..events).take(AT_ONCE).map(|_| again()).collect();
        // A millisecond later each time, whatever the clock says.
        let now = Timestamp::from_millis(order.updated_at.as_millis() + 1);
        let before = Some(order.status);
        events.iter().for_each(|event| order.apply(event, now));
        let act = act("test");
        let change = Change { before, order: &order, events, act: &act };
        shop.store().append(change, Beside::default()).await.unwrap();
    }
    order
}

async fn history(shop: &Shop, id: OrderId) -> Vec<Entry> {
    shop.store().history(id, 0, usize::MAX).await.unwrap().0
}

/// Removes all events of an order's log behind the first: whoever would read them finds nothing.
async fn lose_events(shop: &Shop, order: &Order) -> usize {
    let mut lost = 0;
    for item in shop.table.items().await {
        let (pk, sk) = (text(&item, "pk"), text(&item, "sk"));
        if pk == format!("ORDER#{}", order.id) && sk.starts_with("EVENT#") && sk != "EVENT#000001" {
            let delete = shop.table.client.delete_item().table_name(&shop.table.name);
            delete.key("pk", item["pk"].clone()).key("sk", item["sk"].clone()).send().await.unwrap();
            lost += 1;
        }
    }
    lost
}

/// What it takes to read an order does not depend on the length of its log: at most its first event is read, which says
/// whose it is.
#[tokio::test]
async fn an_order_is_read_without_its_events() {
    let shop = Shop::open().await;
    let order = order_of(&shop, 1_000).await;
    let store = shop.store();
    assert_eq!(store.replayed(order.id).await.unwrap().as_ref(), Some(&order), "replayed, it is the same");
    assert_eq!(lose_events(&shop, &order).await, 999);
    assert_eq!(store.view(order.user_id, order.id).await.unwrap().as_ref(), Some(&order));
    assert_eq!(store.order(order.id).await.unwrap().as_ref(), Some(&order));
    shop.close().await;
}

/// Has every snapshot of an order say that it is of another version, and of another state.
async fn spoil_snapshots(shop: &Shop, order: &Order) -> usize {
    let mut spoilt = 0;
    for mut item in shop.table.items().await {
        let is_its = text(&item, "pk") == format!("ORDER#{}", order.id);
        let Some(AttributeValue::S(snapshot)) = item.get_mut("snapshot").filter(|_| is_its) else { continue };
        *snapshot = snapshot.replace("\"version\":1", "\"version\":0").replace("pending", "delivered");
        shop.table.client.put_item().table_name(&shop.table.name).set_item(Some(item)).send().await.unwrap();
        spoilt += 1;
    }
    spoilt
}

#[tokio::test]
async fn a_snapshot_of_another_version_is_not_believed() {
    let shop = Shop::open().await;
    let order = order_of(&shop, 300).await;
    let log = history(&shop, order.id).await;
    let moment = log[250].envelope.timestamp;
    let before = shop.store().at(order.id, order.sequence, moment).await.unwrap().unwrap();
    assert_eq!(spoil_snapshots(&shop, &order).await, 4);
    assert_eq!(shop.store().at(order.id, order.sequence, moment).await.unwrap().unwrap(), before);
    shop.close().await;
}

/// At every kind of place: before it was placed, the first, in a page, before and behind a snapshot, the last,
/// afterwards.
#[tokio::test]
async fn the_past_of_a_long_order_is_what_its_events_had_made_by_then() {
    let shop = Shop::open().await;
    for length in [1, 3, 63, 64, 65, 500] {
        let order = order_of(&shop, length).await;
        let log = history(&shop, order.id).await;
        assert_eq!(log.len(), length);
        let sequences: Vec<u64> = log.iter().map(|entry| entry.envelope.sequence).collect();
        assert!(sequences.is_sorted());
        let at = async |moment| shop.store().at(order.id, order.sequence, moment).await.unwrap();
        for entry in log.iter().step_by(7).chain(log.last()) {
            let moment = entry.envelope.timestamp;
            let by_then = log.iter().map(|entry| (&entry.envelope.event, entry.envelope.timestamp));
            let by_then = Order::replay(by_then.take_while(|(_, time)| *time <= moment));
            assert_eq!(at(moment).await, by_then, "{length} events, at the {}th", entry.envelope.sequence);
        }
        assert_eq!(at(order.placed_at.plus_seconds(-1)).await, None);
        assert_eq!(at(order.updated_at.plus_seconds(60)).await, Some(order.clone()));
    }
    shop.close().await;
}
