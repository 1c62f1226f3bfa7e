//! Measures the reservations per second of one product, by the number of counters of its stock, and of many products.
//!
//! `make bench-stock` runs it on an engine of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::float_arithmetic, missing_docs)]

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use contracts::{Cause, StockLine};
use dynamo::StoredResponse;
use futures::future::join_all;
use inventory::{Inventory, StockSettings, domain::Change};
use kernel::{OrderId, ProductId, Quantity, Timestamp};
use serde::Deserialize;
use testkit::TestTable;

const CLIENTS: [usize; 4] = [1, 8, 32, 64];

/// `(products, counters of each)`
const LAYOUTS: [(usize, u8); 6] = [(1, 1), (1, 4), (1, 8), (1, 16), (1, 32), (256, 1)];

#[derive(Deserialize)]
struct Settings {
    endpoint: String,
    region: String,
    access_key_id: String,
    secret_access_key: String,
    seconds: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // `cargo test` runs benchmarks too, without settings: then there is nothing to measure.
    let Ok(text) = std::env::var("STOCK_BENCH") else {
        println!("STOCK_BENCH is not set; run `make bench-stock`");
        return;
    };
    let settings: Settings = serde_json::from_str(&text).expect("the settings");
    let config = connect(&settings).await;
    println!(
        "{:>9}{:>9}{:>9}{:>15}{:>9}{:>9}{:>9}",
        "products", "counters", "clients", "reservations/s", "p50 ms", "p99 ms", "failed"
    );
    for (products, splits) in LAYOUTS {
        for clients in CLIENTS {
            let table = TestTable::create_at(&config).await;
            let stock_settings =
                StockSettings { splits, reservation_lifetime: Duration::from_secs(900), low_stock_threshold: 0 };
            let inventory = Inventory::new(table.table.clone(), stock_settings);
            let measured = measure(&inventory, products, clients, Duration::from_secs(settings.seconds)).await;
            println!(
                "{products:>9}{splits:>9}{clients:>9}{:>15.0}{:>9.1}{:>9.1}{:>9}",
                measured.done.len() as f64 / settings.seconds as f64,
                measured.percentile(50),
                measured.percentile(99),
                measured.failed
            );
            table.delete().await;
        }
    }
}

async fn connect(settings: &Settings) -> SdkConfig {
    let Settings { access_key_id, secret_access_key, .. } = settings;
    let keys = aws_sdk_dynamodb::config::Credentials::new(access_key_id, secret_access_key, None, None, "benchmark");
    aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(&settings.endpoint)
        .region(Region::new(settings.region.clone()))
        .credentials_provider(keys)
        .load()
        .await
}

struct Measured {
    /// How long each reservation took, in ascending order.
    done: Vec<Duration>,
    failed: usize,
}

impl Measured {
    /// Returns a percentile in milliseconds.
    fn percentile(&self, percent: usize) -> f64 {
        let at = self.done.len() * percent / 100;
        self.done.get(at).map_or(f64::NAN, |took| took.as_secs_f64() * 1_000.0)
    }
}

async fn measure(inventory: &Inventory, products: usize, clients: usize, time: Duration) -> Measured {
    let ids: Vec<ProductId> = (0..products).map(|_| ProductId::new()).collect();
    for id in &ids {
        inventory.create_stock(*id).await.unwrap();
        let empty = |_: &_| Ok(StoredResponse { status: 200, location: None, body: String::new() });
        inventory.change(*id, Change::Set(1_000_000), None, Timestamp::now(), empty).await.unwrap();
    }
    let (until, failed) = (Instant::now() + time, Cell::new(0));
    let (ids, failed) = (&ids, &failed);
    let taken = join_all((0..clients).map(|client| async move {
        let mut done = Vec::new();
        while Instant::now() < until {
            let product_id = ids[(client * 31 + done.len() * 7) % ids.len()];
            let line = StockLine { product_id, quantity: Quantity::try_from(1).unwrap() };
            let begun = Instant::now();
            match inventory.reserve(OrderId::new(), &[line], &Cause::own()).await {
                Ok(()) => done.push(begun.elapsed()),
                Err(_) => failed.set(failed.get() + 1),
            }
        }
        done
    }))
    .await;
    let mut done = taken.concat();
    done.sort_unstable();
    Measured { done, failed: failed.get() }
}
