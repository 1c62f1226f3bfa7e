//! Checkouts while the payment provider is unavailable: orders are accepted, the circuit breaker stops calls to it, and
//! one probe closes the circuit when it is back.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::join_all;
use serde_json::Value;
use testkit::{Configured, Person, Product, Shop, Stack, eventually, is_deferred_by_now, items_with, resumes};

/// How many orders meet the provider's silence at once: enough for the circuit to open.
const FIRST: usize = 6;

/// How long the circuit counts a failure: orders that fail within this time open it together.
const WINDOW: Duration = Duration::from_secs(30);

/// How payments and its provider are, as a report says that is cached for some seconds.
async fn health() -> Value {
    Person::anonymous().get("/health/payments").await.expect(200)
}

async fn circuit_becomes(state: &str) -> Value {
    eventually(&format!("a circuit that is {state}"), || async {
        let health = health().await;
        if health["provider"]["circuit"] == state { Ok(health) } else { Err(health.to_string()) }
    })
    .await
}

/// The circuit's own record. An open circuit's stays as it is until somebody asks the provider.
async fn circuit() -> HashMap<String, AttributeValue> {
    let stack = Stack::get();
    let client = aws_sdk_dynamodb::Client::new(&stack.aws().await);
    let get = client.get_item().table_name(&stack.tables["PaymentsTable"]).consistent_read(true);
    let key = |text: &str| AttributeValue::S(text.to_owned());
    let found = get.key("pk", key("CIRCUIT")).key("sk", key("simulator")).send().await.expect("an answer");
    found.item.unwrap_or_default()
}

fn is_in(circuit: &HashMap<String, AttributeValue>, state: &str) -> bool {
    testkit::text(circuit, "state") == state
}

/// Whether the provider was asked for anything.
async fn was_asked_for(order: &Value) -> bool {
    let id = order["id"].as_str().expect("an id");
    items_with("PaymentsTable", &format!("SIMULATOR#{id}")).await.len() == 1
}

/// Has the circuit opened by orders whose provider does not answer, and adds them to `orders`; its record.
async fn circuit_opens(carol: &Person, mug: &Product, orders: &mut Vec<Value>) -> HashMap<String, AttributeValue> {
    loop {
        let started = Instant::now();
        orders.extend(join_all((0..FIRST).map(|_| carol.check_out(mug, 1, "pm_card_visa"))).await);
        // A machine may be too slow for their failures to be counted together: then more orders fail.
        while started.elapsed() < 2 * WINDOW {
            let circuit = circuit().await;
            if is_in(&circuit, "open") {
                return circuit;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(orders.len() < 20 * FIRST, "{} orders did not open the circuit", orders.len());
    }
}

/// Whoever comes when the pause is over asks, and the circuit closes.
async fn circuit_closes(carol: &Person, mug: &Product) {
    eventually("a circuit that closes", || async {
        carol.check_out(mug, 1, "pm_card_visa").await;
        let circuit = circuit().await;
        if is_in(&circuit, "closed") {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        Err(format!("{circuit:?}"))
    })
    .await;
}

/// Checks three orders out at an `open` circuit, whose provider would answer at once by now, and adds them to `orders`:
/// they are deferred, and the provider is not asked. Whether that is so; it is not when the circuit's pause was over
/// before they came.
async fn nobody_asks(
    open: &HashMap<String, AttributeValue>,
    carol: &Person,
    mug: &Product,
    orders: &mut Vec<Value>,
) -> bool {
    let next = join_all((0..3).map(|_| carol.check_out(mug, 1, "pm_card_visa"))).await;
    orders.extend(next.clone());
    for order in &next {
        eventually("a checkout to be deferred or paid", || async {
            let is_over = was_asked_for(order).await || is_deferred_by_now(order).await;
            if is_over { Ok(()) } else { Err("neither".to_owned()) }
        })
        .await;
    }
    let asked = join_all(next.iter().map(was_asked_for)).await;
    if circuit().await != *open {
        return false;
    }
    assert!(!asked.contains(&true), "the provider was asked through an open circuit");
    loop {
        let health = health().await;
        if health["provider"]["circuit"] == "open" {
            assert_eq!((&health["status"], &health["provider"]["status"]), (&"degraded".into(), &"degraded".into()));
            assert!(health["provider"]["since"].is_string(), "{health}");
            return true;
        }
        if circuit().await != *open {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn the_provider_goes_away_and_comes_back() {
    let shop = Shop::open().await;
    let mug = shop.product(1_000).await;
    let carol = Person::customer().await;
    circuit_becomes("closed").await;

    let _provider = crate::PAYMENT_PROVIDER.lock().await;
    let mut orders = Vec::new();
    for attempt in 1.. {
        // It takes longer than anybody waits.
        let away = Configured::wherever("SIMULATOR_DELAY_MS", "60000").await;
        let mut unanswered = Vec::new();
        let open = circuit_opens(&carol, &mug, &mut unanswered).await;
        for order in &unanswered {
            shop.payment_becomes(order, "pending").await;
            assert!(!was_asked_for(order).await, "the provider has a record of it");
        }
        orders.extend(unanswered);
        away.restore().await;
        if nobody_asks(&open, &carol, &mug, &mut orders).await {
            break;
        }
        assert!(attempt < 10, "the circuit never stayed open for three checkouts");
        circuit_closes(&carol, &mug).await;
    }

    circuit_closes(&carol, &mug).await;
    let health = circuit_becomes("closed").await;
    assert_eq!(health["provider"]["status"], "up", "{health}");
    let paid = carol.outcome(&carol.check_out(&mug, 1, "pm_card_visa").await).await;
    assert_eq!(paid["status"], "paid");
    assert!(was_asked_for(&paid).await);

    // Those that waited are started again, and none is cancelled.
    for order in &orders {
        eventually("an order that waited to be paid", || async {
            let found = carol.order(order).await;
            if found["status"] == "paid" {
                return Ok(());
            }
            assert_eq!(found["status"], "pending", "{found}");
            Err(format!("{found}, deferred: {}", resumes(order).await))
        })
        .await;
        shop.payment_becomes(order, "captured").await;
    }
}
