//! Checkouts while functions are killed and messages are delivered repeatedly: each order ends paid or cancelled, and
//! its payment and stock are consistent.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use serde_json::Value;
use testkit::{Checkout, EventRecorder, HANG_LIMIT, Person, Product, Shop, dead_letter, eventually, kill_function};

/// Locked by a test while it kills functions of the checkout, and by a test whose checkouts must not be affected.
static KILLS: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Waits until an order of `pieces` of the `before` pieces has ended, and checks that payments and stock are
/// consistent.
async fn ends_consistently(
    shop: &Shop,
    carol: &Person,
    mug: &Product,
    order: &Value,
    before: i64,
    pieces: i64,
) -> Value {
    let ended = carol.outcome(order).await;
    if ended["status"] == "paid" {
        shop.payment_becomes(&ended, "captured").await;
        shop.has_available(mug, before - pieces).await;
    } else {
        assert_eq!(ended["status"], "cancelled");
        let payments = shop.payments(&ended).await;
        assert!(payments.iter().all(|payment| payment["status"] != "captured" && payment["status"] != "authorized"));
        shop.has_available(mug, before).await;
    }
    ended
}

/// Runs checkouts with slow payments until the function was killed while it waited for the provider. Returns the order,
/// which has ended.
pub async fn order_whose_payment_was_killed(carol: &Person) -> Value {
    let shop = Shop::open().await;
    let mut attempts = 0;
    loop {
        let mug = shop.product(4).await;
        let order = carol.post("/orders", &mug.order_line(1)).await.expect(201);
        let kills = KILLS.lock().await;
        let checkout = Checkout::of(&order, "pm_card_slow").await;
        let has = |history: &[String], what: &[&str]| {
            let of_step = |event: &&String| event.starts_with("AuthorizePayment ");
            history.iter().filter(of_step).any(|event| what.iter().any(|word| event.ends_with(word)))
        };
        eventually("the step AuthorizePayment", || async {
            let history = checkout.history().await;
            if has(&history, &["Scheduled"]) { Ok(()) } else { Err(format!("{history:?}")) }
        })
        .await;
        // A killed process may not have had its task yet. Then another one takes its place, which is killed too.
        let failed = eventually("the step to fail or to succeed", || async {
            kill_function("AuthorizePayment");
            let history = checkout.history().await;
            match (has(&history, &["Failed", "TimedOut"]), has(&history, &["Succeeded"])) {
                (false, false) => Err(format!("{history:?}")),
                (failed, _) => Ok(failed),
            }
        })
        .await;
        drop(kills);
        checkout.ends().await;
        let ended = ends_consistently(&shop, carol, &mug, &order, 4, 1).await;
        if failed {
            return ended;
        }
        // The provider responded before the process was killed, so this attempt proves nothing.
        attempts += 1;
        assert!(attempts < 20, "the function was never killed while it waited for the provider");
    }
}

#[tokio::test]
async fn a_function_killed_while_it_pays() {
    order_whose_payment_was_killed(&Person::customer().await).await;
}

/// Kills each function of the checkout in turn while orders are checked out, until enough processes were killed.
/// Returns the orders, which have ended.
pub async fn orders_whose_functions_were_killed(carol: &Person) -> Vec<Value> {
    const ORDERS: usize = 12;
    const MAX_ORDERS: usize = 60;
    let shop = Shop::open().await;
    let steps = [
        "ReserveStock",
        "AuthorizePayment",
        "ConfirmOrder",
        "CapturePayment",
        "VoidPayment",
        "ReleaseStock",
        "CancelOrder",
        "OrdersPublish",
        "StartCheckout",
    ];
    let methods = ["pm_card_visa", "pm_card_chargeDeclined", "pm_card_failsOnce"];
    let (mut placed, mut killed) = (Vec::new(), 0);
    let kills = KILLS.lock().await;
    while placed.len() < ORDERS || killed < steps.len() {
        let turn = placed.len();
        assert!(turn < MAX_ORDERS, "only {killed} processes were killed");
        let mug = shop.product(5).await;
        let order = carol.check_out(&mug, 2, methods[turn % methods.len()]).await;
        placed.push((mug, order));
        // Another function is killed for each order. A step that does not run yet has no process.
        killed += kill_function(steps[turn % steps.len()]);
        if turn + 1 == ORDERS {
            killed += steps.map(kill_function).iter().sum::<usize>();
        }
    }
    drop(kills);
    let mut ended = Vec::new();
    for (mug, order) in &placed {
        ended.push(ends_consistently(&shop, carol, mug, order, 5, 2).await);
    }
    ended
}

#[tokio::test]
async fn functions_killed_at_any_moment() {
    orders_whose_functions_were_killed(&Person::customer().await).await;
}

/// Delivers every event of a paid and a declined order three times to each of its consumers. Returns the two orders
/// when all messages are consumed.
pub async fn orders_whose_messages_came_three_times(shop: &Shop, carol: &Person, mug: &Product) -> [Value; 2] {
    let mut recorder = EventRecorder::start().await;
    let kills = KILLS.lock().await;
    let paid = carol.check_out(mug, 2, "pm_card_visa").await;
    let declined = carol.check_out(mug, 3, "pm_card_chargeDeclined").await;
    let mut received = BTreeSet::new();
    let started = Instant::now();
    // Each order has two events when it is placed with its checkout, and one when it ends.
    while received.len() < 6 {
        assert!(started.elapsed() < HANG_LIMIT, "received only {received:?}");
        for event in recorder.record().await {
            recorder.redeliver(&event).await;
            recorder.redeliver(&event).await;
            if [&paid, &declined].iter().any(|order| order["id"] == event["subject"]) && event["source"] == "orders" {
                received.insert((event["subject"].to_string(), event["event_type"].to_string()));
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(kills);
    recorder.drained().await;
    recorder.stop().await;
    shop.payment_becomes(&paid, "captured").await;
    shop.payment_becomes(&declined, "declined").await;
    [paid, declined]
}

#[tokio::test]
async fn every_message_is_delivered_three_times() {
    let shop = Shop::open().await;
    let mug = shop.product(10).await;
    let carol = Person::customer().await;
    let [paid, declined] = orders_whose_messages_came_three_times(&shop, &carol, &mug).await;
    assert_eq!(carol.order(&paid).await["status"], "paid");
    assert_eq!(carol.order(&declined).await["status"], "cancelled");
    shop.has_available(&mug, 8).await;
    assert_eq!(carol.get("/orders").await.expect(200)["items"].as_array().map(Vec::len), Some(2));
}

/// The order is cancelled and its stock released, and the dead letter shows operators that it was not refunded.
#[tokio::test]
async fn a_refund_that_the_provider_refuses_is_a_dead_letter_at_once() {
    let shop = Shop::open().await;
    let (mug, carol) = (shop.product(5).await, Person::customer().await);
    let order = carol.check_out(&mug, 1, "pm_card_refundFail").await;
    carol.outcome(&order).await;
    shop.payment_becomes(&order, "captured").await;
    carol.delete(&format!("/orders/{}", order["id"].as_str().unwrap())).await.expect(200);
    let event = dead_letter("UndoCancelledDeadLetters", order["id"].as_str().unwrap()).await;
    assert_eq!(event["event_type"], "OrderCancelled");
    shop.has_available(&mug, 5).await;
    shop.payment_becomes(&order, "captured").await;
}
