//! Checkouts while the payment provider is unavailable: orders are accepted, the circuit breaker stops calls to the
//! provider, and one probe closes the circuit when the provider is available again.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::join_all;
use serde_json::Value;
use testkit::{Configured, Person, Product, Shop, Stack, eventually, is_deferred_by_now, items_with, resumes};

/// How many orders are placed at once: enough failures for the circuit to open.
const ORDERS_AT_ONCE: usize = 6;

/// How long the circuit counts a failure. Orders that fail within this time open it together.
const WINDOW: Duration = Duration::from_secs(30);

/// Returns the health of payments and its provider, which is cached for some seconds.
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

/// Returns the record of the circuit. The record of an open circuit does not change until somebody calls the provider.
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

/// Whether the provider was called for an order.
async fn was_called_for(order: &Value) -> bool {
    let id = order["id"].as_str().expect("an id");
    items_with("PaymentsTable", &format!("SIMULATOR#{id}")).await.len() == 1
}

/// Places orders, whose provider does not respond, until the circuit is open, and adds them to `orders`. Returns its
/// record.
async fn circuit_opens(carol: &Person, mug: &Product, orders: &mut Vec<Value>) -> HashMap<String, AttributeValue> {
    loop {
        let started = Instant::now();
        orders.extend(join_all((0..ORDERS_AT_ONCE).map(|_| carol.check_out(mug, 1, "pm_card_visa"))).await);
        // On a slow machine the failures may not be counted together. Then more orders are placed.
        while started.elapsed() < 2 * WINDOW {
            let circuit = circuit().await;
            if is_in(&circuit, "open") {
                return circuit;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(orders.len() < 20 * ORDERS_AT_ONCE, "{} orders did not open the circuit", orders.len());
    }
}

/// Places orders until one of them, after the pause, calls the provider and closes the circuit.
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

/// Places three orders while the circuit is `open` and the provider would respond again, and adds them to `orders`.
/// Checks that they are deferred and that the provider is not called. Returns false if the pause of the circuit was
/// over before.
async fn nobody_calls_the_provider(
    open: &HashMap<String, AttributeValue>,
    carol: &Person,
    mug: &Product,
    orders: &mut Vec<Value>,
) -> bool {
    let next = join_all((0..3).map(|_| carol.check_out(mug, 1, "pm_card_visa"))).await;
    orders.extend(next.clone());
    for order in &next {
        eventually("a checkout to be deferred or paid", || async {
            let is_done = was_called_for(order).await || is_deferred_by_now(order).await;
            if is_done { Ok(()) } else { Err("neither".to_owned()) }
        })
        .await;
    }
    let called = join_all(next.iter().map(was_called_for)).await;
    if circuit().await != *open {
        return false;
    }
    assert!(!called.contains(&true), "the provider was called although the circuit is open");
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
async fn an_outage_opens_the_circuit_and_a_probe_closes_it() {
    let shop = Shop::open().await;
    let mug = shop.product(1_000).await;
    let carol = Person::customer().await;
    circuit_becomes("closed").await;

    let _provider = crate::PAYMENT_PROVIDER.lock().await;
    let mut orders = Vec::new();
    for attempt in 1.. {
        // The provider takes longer to respond than any caller waits.
        let outage = Configured::set_everywhere("SIMULATOR_DELAY_MS", "60000").await;
        let mut unanswered = Vec::new();
        let open = circuit_opens(&carol, &mug, &mut unanswered).await;
        for order in &unanswered {
            shop.payment_becomes(order, "pending").await;
            assert!(!was_called_for(order).await, "the provider has a record of the order");
        }
        orders.extend(unanswered);
        outage.restore().await;
        if nobody_calls_the_provider(&open, &carol, &mug, &mut orders).await {
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
    assert!(was_called_for(&paid).await);

    // The deferred checkouts are started again, and none of the orders is cancelled.
    for order in &orders {
        eventually("a deferred order to be paid", || async {
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
