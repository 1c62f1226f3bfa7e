//! Shops while the payment provider is away: orders are taken all the same, nobody asks it in vain for long, and when it is back it is
//! found out by one who asks.

use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::Value;
use testkit::{Configured, Person, Shop, eventually, items_with, resumes};

/// How many orders meet the provider's silence: enough for the circuit to open.
const FIRST: usize = 6;

/// How payments and its provider are.
async fn health() -> Value {
    Person::stranger().get("/health/payments").await.expect(200)
}

async fn circuit_becomes(state: &str) -> Value {
    eventually(&format!("a circuit that is {state}"), || async {
        let health = health().await;
        if health["provider"]["circuit"] == state { Ok(health) } else { Err(health.to_string()) }
    })
    .await
}

/// Whether the provider was asked for anything.
async fn was_asked_for(order: &Value) -> bool {
    let id = order["id"].as_str().expect("an id");
    items_with("PaymentsTable", &format!("SIMULATOR#{id}")).await.len() == 1
}

#[tokio::test]
async fn the_provider_goes_away_and_comes_back() {
    let shop = Shop::open().await;
    let mug = shop.product(200).await;
    let carol = Person::customer().await;
    circuit_becomes("closed").await;

    let _provider = crate::PAYMENT_PROVIDER.lock().await;
    // It takes longer than anybody waits.
    let away = Configured::wherever("SIMULATOR_DELAY_MS", "60000").await;
    let first = join_all((0..FIRST).map(|_| carol.check_out(&mug, 1, "pm_card_visa"))).await;
    let open = circuit_becomes("open").await;
    assert_eq!((&open["status"], &open["provider"]["status"]), (&"degraded".into(), &"degraded".into()), "{open}");
    assert!(open["provider"]["since"].is_string(), "{open}");
    for order in &first {
        shop.payment_becomes(order, "pending").await;
        assert!(!was_asked_for(order).await, "the provider has it in its books");
    }

    // It would answer at once by now, but nobody asks.
    away.restore().await;
    let started = Instant::now();
    let next = join_all((0..3).map(|_| carol.check_out(&mug, 1, "pm_card_visa"))).await;
    assert!(started.elapsed() < Duration::from_secs(3), "it took as long as somebody waits for the provider");
    for order in &next {
        shop.payment_becomes(order, "pending").await;
        assert!(!was_asked_for(order).await, "the provider was asked");
        assert_eq!(carol.order(order).await["status"], "pending");
    }
    assert_eq!(health().await["provider"]["circuit"], "open");

    // Whoever comes when the time is over asks, and the circuit closes.
    eventually("a circuit that closes", || async {
        carol.check_out(&mug, 1, "pm_card_visa").await;
        match health().await {
            health if health["provider"]["circuit"] == "closed" => Ok(()),
            health => {
                tokio::time::sleep(Duration::from_millis(500)).await;
                Err(health.to_string())
            }
        }
    })
    .await;
    let health = health().await;
    assert_eq!(health["provider"]["status"], "up", "{health}");
    let paid = carol.outcome(&carol.check_out(&mug, 1, "pm_card_visa").await).await;
    assert_eq!(paid["status"], "paid");
    assert!(was_asked_for(&paid).await);

    // Those that waited are started over, and nobody was turned away.
    for order in first.iter().chain(&next) {
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
