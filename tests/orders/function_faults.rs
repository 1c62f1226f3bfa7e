//! Shops while functions die and messages come twice: orders end paid or cancelled, never in between; money and stock agree.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use futures::future::join_all;
use serde_json::{Value, json};
use testkit::{
    Checkout, Echo, PATIENCE, Person, Product, Shop, Socket, dead_letter, eventually, kill_function, processing,
    send_now,
};
use uuid::Uuid;

use crate::analytics::reports::sells;

/// Makes sure that an order has ended, and that payments, stock and mail say the same.
async fn agree(shop: &Shop, carol: &Person, mug: &Product, order: &Value, before: i64, pieces: i64) {
    let ended = carol.outcome(order).await;
    if ended["status"] == "paid" {
        shop.payment_becomes(&ended, "captured").await;
        shop.settles_at(mug, before - pieces).await;
        carol.mail_about(&ended, "is confirmed").await;
    } else {
        assert_eq!(ended["status"], "cancelled");
        let payments = shop.payments(&ended).await;
        assert!(payments.iter().all(|payment| payment["status"] != "captured" && payment["status"] != "authorized"));
        shop.settles_at(mug, before).await;
        carol.mail_about(&ended, "was cancelled").await;
    }
}

/// The provider takes two seconds: the function that waits for it is killed meanwhile.
#[tokio::test]
async fn a_function_killed_while_it_pays() {
    let shop = Shop::open().await;
    let mug = shop.product(4).await;
    let carol = Person::customer().await;
    let order = carol.post("/orders", &mug.order_line(1)).await.expect(201);
    let checkout = Checkout::of(&order, "pm_card_slow").await;
    let told = |history: &[String], what: &[&str]| {
        history
            .iter()
            .any(|event| event.starts_with("AuthorizePayment ") && what.iter().any(|word| event.ends_with(word)))
    };
    eventually("the provider to be asked", PATIENCE, || async {
        let history = checkout.history().await;
        if told(&history, &["Scheduled"]) { Ok(()) } else { Err(format!("{history:?}")) }
    })
    .await;
    // A process that had not got its task yet dies for nothing, and another takes its place: that one dies too.
    eventually("the step to fail", Duration::from_secs(2), || async {
        kill_function("AuthorizePayment");
        let history = checkout.history().await;
        if told(&history, &["Failed", "TimedOut"]) { Ok(()) } else { Err(format!("{history:?}")) }
    })
    .await;
    checkout.ends().await;
    agree(&shop, &carol, &mug, &order, 4, 1).await;
}

/// Every function of the checkout is killed again and again while orders go through it.
#[tokio::test]
async fn functions_killed_at_any_moment() {
    let shop = Shop::open().await;
    let carol = Person::customer().await;
    let mugs = join_all((0..12).map(|_| shop.product(5))).await;
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
    let mut orders = Vec::new();
    let mut killed = 0;
    for (index, mug) in mugs.iter().enumerate() {
        orders.push(carol.check_out(mug, 2, methods[index % methods.len()]).await);
        // Each order meets another victim; a step that is not running yet has nobody to kill.
        killed += kill_function(steps[index % steps.len()]);
    }
    for step in steps {
        killed += kill_function(step);
    }
    assert!(killed >= steps.len(), "only {killed} processes were killed");
    for (mug, order) in mugs.iter().zip(&orders) {
        agree(&shop, &carol, mug, order, 5, 2).await;
    }
}

/// Every event of two orders, a good one and a declined one, is said three times to every consumer of the shop.
#[tokio::test]
async fn every_message_comes_three_times() {
    let shop = Shop::open().await;
    let mug = shop.product(10).await;
    let carol = Person::customer().await;
    let mut echo = Echo::listen().await;

    let paid = carol.check_out(&mug, 2, "pm_card_visa").await;
    let declined = carol.check_out(&mug, 3, "pm_card_chargeDeclined").await;
    let mut heard = BTreeSet::new();
    let started = Instant::now();
    // Two events a placement with its checkout, and one end each.
    while heard.len() < 6 {
        assert!(started.elapsed() < PATIENCE, "heard only {heard:?}");
        for event in echo.hear().await {
            echo.say(&event).await;
            echo.say(&event).await;
            if [&paid, &declined].iter().any(|order| order["id"] == event["subject"]) && event["source"] == "orders" {
                heard.insert((event["subject"].to_string(), event["event_type"].to_string()));
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    echo.drained().await;
    echo.stop().await;

    assert_eq!(carol.order(&paid).await["status"], "paid");
    assert_eq!(carol.order(&declined).await["status"], "cancelled");
    shop.settles_at(&mug, 8).await;
    shop.payment_becomes(&paid, "captured").await;
    shop.payment_becomes(&declined, "declined").await;
    for (order, end) in [(&paid, "is confirmed"), (&declined, "was cancelled")] {
        for what in ["We have your order", end] {
            carol.mail_about(order, what).await;
            assert_eq!(carol.mails_about(order, what).await.len(), 1, "{what}");
        }
        assert_eq!(carol.mails_with(order["id"].as_str().unwrap()).await.len(), 2);
    }
    assert_eq!(carol.get("/orders").await.expect(200)["items"].as_array().map(Vec::len), Some(2));
}

/// The order is cancelled, its pieces are back, and who runs the shop sees that its money is not.
#[tokio::test]
async fn money_that_the_provider_will_not_give_back_is_a_dead_letter_at_once() {
    let shop = Shop::open().await;
    let (mug, carol) = (shop.product(5).await, Person::customer().await);
    let order = carol.check_out(&mug, 1, "pm_card_refundFail").await;
    carol.outcome(&order).await;
    shop.payment_becomes(&order, "captured").await;
    carol.delete(&format!("/orders/{}", order["id"].as_str().unwrap())).await.expect(200);
    let event = dead_letter("UndoCancelledDeadLetters", order["id"].as_str().unwrap()).await;
    assert_eq!(event["event_type"], "OrderCancelled");
    shop.settles_at(&mug, 5).await;
    shop.payment_becomes(&order, "captured").await;
}

/// What counts dies again and again while orders come: in the end each is in the figures once.
#[tokio::test]
async fn who_counts_is_killed_while_orders_come_in() {
    let (shop, admin, carol) = (Shop::open().await, Person::admin().await, Person::customer().await);
    let mug = shop.product(5_000).await;
    let mut killed = 0;
    for _ in 0..10 {
        carol.check_out(&mug, 400, "pm_card_visa").await;
        killed += kill_function("CountOrders");
    }
    sells(&admin, &mug, (4_000, 10, 5_000_000)).await;
    assert!(killed > 0);
}

/// What takes products into the search index dies again and again while they come: in the end all are found.
#[tokio::test]
async fn the_indexer_killed_while_products_come_in() {
    let admin = Person::admin().await;
    let shelf = format!("shelf{}", Uuid::new_v4().simple());
    let (mut made, mut killed) = (BTreeSet::new(), 0);
    for index in 0..12 {
        let body = json!({ "name": format!("Cup {index} {shelf}"), "category": "Kitchen", "price": "12.50" });
        let product = admin.post("/products", &body).await.expect(201);
        made.insert(product["id"].to_string());
        killed += kill_function("IndexProducts");
    }
    assert!(killed > 0, "nothing was killed");
    eventually("all of them to be found", PATIENCE, || async {
        let page = admin.get(&format!("/products/search?q={shelf}&limit=100")).await.expect(200);
        let found: BTreeSet<String> =
            page["items"].as_array().unwrap().iter().map(|product| product["id"].to_string()).collect();
        if found == made { Ok(()) } else { Err(format!("{} of {}", found.len(), made.len())) }
    })
    .await;
}

/// What tells customers of their orders dies again and again: in the end all is told, each event with one sequence, and nothing else.
#[tokio::test]
async fn the_one_who_tells_killed_while_it_tells() {
    const EVENTS: u64 = 20;
    let carol = Person::customer().await;
    let mut socket = Socket::connect(&carol).await;
    let (begun, _) = socket.subscribe("orders", None).await;
    let (mut subjects, mut killed) = (BTreeSet::new(), 0);
    for _ in 0..EVENTS {
        let event = processing(&carol);
        subjects.insert(event["subject"].to_string());
        send_now("PublishOrderUpdatesQueue", &event).await;
        killed += kill_function("PublishOrderUpdates");
    }
    assert!(killed > 0, "nothing was killed");
    let mut told = BTreeMap::new();
    while told.len() < subjects.len() {
        let message = socket.next().await;
        let subject = message["subject"].to_string();
        let before = told.insert(message["sequence"].as_u64().unwrap(), subject.clone());
        assert!(before.is_none_or(|before| before == subject), "{message}");
    }
    assert_eq!(told.keys().copied().collect::<Vec<_>>(), (begun + 1..=begun + EVENTS).collect::<Vec<_>>());
    assert_eq!(told.into_values().collect::<BTreeSet<_>>(), subjects);
}
