//! Reports of orders, revenue, products and users: each event is counted once.

use std::collections::{BTreeMap, BTreeSet};

use dynamo::{Item, Key, Table};
use futures::{StreamExt, future::join_all, stream};
use serde_json::{Value, json};
use testkit::{EventRecorder, Person, Product, Shop, Stack, drained, eventually, invoke, send_now};

async fn report(admin: &Person, path: &str) -> Value {
    admin.get(&format!("/analytics/{path}")).await.expect(200)
}

fn items(report: &Value) -> &[Value] {
    report["items"].as_array().expect("a list")
}

fn number(value: &Value) -> i64 {
    value.as_i64().expect("a number")
}

/// Returns an amount in cents.
fn cents(amount: &Value) -> i64 {
    amount.as_str().expect("an amount").replace('.', "").parse().expect("digits")
}

/// Returns the US dollars in a list of amounts, in cents.
fn in_usd(amounts: &Value) -> i64 {
    let usd = amounts.as_array().expect("a list").iter().find(|amount| amount["currency"] == "USD");
    usd.map_or(0, |usd| cents(&usd["amount"]))
}

/// Returns the `(pieces, orders, cents)` sold of a product, which has to be among the 100 best-selling ones.
pub async fn sold(admin: &Person, product: &Product) -> (i64, i64, i64) {
    let top = report(admin, "products/top?limit=100").await;
    let Some(line) = items(&top).iter().find(|line| line["product_id"] == product.id.as_str()) else {
        return (0, 0, 0);
    };
    assert_eq!(line["name"], product.name.as_str());
    (number(&line["quantity"]), number(&line["orders"]), in_usd(&line["value"]))
}

/// Waits until the reports have `(pieces, orders, cents)` for a product.
pub async fn sells(admin: &Person, product: &Product, expected: (i64, i64, i64)) {
    eventually(&format!("{expected:?} of {} in the reports", product.name), || async {
        let found = sold(admin, product).await;
        if found == expected { Ok(()) } else { Err(format!("{found:?}")) }
    })
    .await;
}

/// Rebuilds all figures, call after call.
async fn rebuild() {
    let mut work = json!({});
    loop {
        let done = invoke("RebuildAnalytics", &work).await.expect("the rebuild succeeds");
        if done["next"].is_null() {
            return;
        }
        work = json!({ "from": done["next"] });
    }
}

#[tokio::test]
async fn each_piece_of_a_product_counts_once() {
    let (shop, admin, carol) = (Shop::open().await, Person::admin().await, Person::customer().await);
    let mug = shop.product(4_000).await;
    let mut recorder = EventRecorder::start().await;
    // So many that the product is among the first 100, whatever other tests sell.
    let orders = join_all([1_000, 900].map(|pieces| carol.check_out(&mug, pieces, "pm_card_visa"))).await;
    let declined = carol.check_out(&mug, 700, "pm_card_chargeDeclined").await;
    carol.post("/orders", &mug.order_line(600)).await.expect(201);
    assert_eq!(carol.outcome(&declined).await["status"], "cancelled");
    sells(&admin, &mug, (1_900, 2, 2_375_000)).await;

    // Repeat all events of the two orders twice, those of orders and those of payments.
    let is_of = |event: &Value| orders.iter().any(|order| order["id"] == event["data"]["order_id"]);
    let is_last = |event: &&Value| event["event_type"] == "PaymentProcessed" && is_of(event);
    let events = recorder.record_until(|events| events.iter().filter(is_last).count() == 2).await;
    recorder.stop().await;
    for event in events.iter().filter(|event| is_of(event)) {
        let queue = match event["source"].as_str() {
            Some("orders") => "CountOrdersQueue",
            Some("payments") => "CountPaymentsQueue",
            _ => continue,
        };
        send_now(queue, event).await;
        send_now(queue, event).await;
    }
    drained("CountOrdersQueue").await;
    drained("CountPaymentsQueue").await;
    assert_eq!(sold(&admin, &mug).await, (1_900, 2, 2_375_000));

    // A cancelled sale still counts. The refund is in the revenue.
    carol.delete(&format!("/orders/{}", orders[0]["id"].as_str().unwrap())).await.expect(200);
    shop.payment_becomes(&orders[0], "refunded").await;
    assert_eq!(sold(&admin, &mug).await, (1_900, 2, 2_375_000));

    let top = report(&admin, "products/top?by=value&limit=100").await;
    let values: Vec<i64> = items(&top).iter().map(|line| in_usd(&line["value"])).collect();
    assert!(values.is_sorted_by(|one, other| one >= other) && values.contains(&2_375_000), "{values:?}");
    assert_eq!(items(&report(&admin, "products/top?limit=1").await).len(), 1);
}

/// Returns the rollups of a product and some of the shop.
async fn rollups(table: &Table, product: &Product) -> Vec<Item> {
    let mut found = Vec::new();
    for shard in 0..16 {
        let of_products = table.between(&format!("PRODUCTS#{shard:02}"), "0", "~").await.unwrap();
        let is_own = |item: &Item| item["sk"].as_s().is_ok_and(|sk| sk.ends_with(&product.id));
        found.extend(of_products.into_iter().filter(is_own));
        if shard < 2 {
            found.extend(table.between(&format!("DAYS#{shard:02}"), "0", "~").await.unwrap());
        }
    }
    found
}

/// Other tests sell meanwhile. `all_together_agree_with_orders_payments_and_users` checks that their figures are
/// correct.
#[tokio::test]
async fn lost_and_wrong_figures_are_rebuilt() {
    let (shop, admin, carol) = (Shop::open().await, Person::admin().await, Person::customer().await);
    let mug = shop.product(4_000).await;
    join_all([800, 700, 600].map(|pieces| carol.check_out(&mug, pieces, "pm_card_visa"))).await;
    sells(&admin, &mug, (2_100, 3, 2_625_000)).await;
    rebuild().await;
    assert_eq!(sold(&admin, &mug).await, (2_100, 3, 2_625_000));

    let stack = Stack::get();
    let aws = stack.aws().await;
    let table = Table::connect(&aws, stack.tables["AnalyticsTable"].clone());
    for (index, item) in rollups(&table, &mug).await.into_iter().enumerate() {
        let key = Key::new(item["pk"].as_s().unwrap(), item["sk"].as_s().unwrap());
        if index % 2 == 0 {
            table.delete_many(&[key]).await.unwrap();
        } else {
            let values = ["quantity", "orders", "items"].map(|name| dynamo::number(&format!(":{name}"), 999));
            let wrong = dynamo::Write::update(key, "SET #quantity = :quantity, #orders = :orders, #items = :items");
            table.write(wrong.with(values)).await.unwrap();
        }
    }
    assert_ne!(sold(&admin, &mug).await, (2_100, 3, 2_625_000));
    rebuild().await;
    assert_eq!(sold(&admin, &mug).await, (2_100, 3, 2_625_000));
    assert_eq!(carol.get("/orders").await.expect(200)["items"].as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn a_period_without_anything_is_zeros() {
    let admin = Person::admin().await;
    let orders = report(&admin, "orders/daily?from=2024-02-28&to=2024-03-01").await;
    assert_eq!((&orders["from"], &orders["to"]), (&json!("2024-02-28"), &json!("2024-03-01")));
    let zero = |day: &str| json!({ "day": day, "orders": 0, "items": 0, "value": [], "paid": 0, "cancelled": 0 });
    assert_eq!(items(&orders), [zero("2024-02-28"), zero("2024-02-29"), zero("2024-03-01")]);
    let revenue = report(&admin, "revenue/monthly?from=2023-12&to=2024-01").await;
    let zero = |month: &str| json!({ "month": month, "gross": [], "refunded": [], "net": [] });
    assert_eq!(items(&revenue), [zero("2023-12"), zero("2024-01")]);
    let growth = report(&admin, "users/growth?from=2024-02-29&to=2024-02-29").await;
    let zero = json!({ "day": "2024-02-29", "registered": 0, "deleted": 0, "net": 0, "total": 0 });
    assert_eq!(items(&growth), [zero]);
    assert_eq!(items(&report(&admin, "products/top?from=2024-02-29&to=2024-02-29").await).len(), 0);

    assert_eq!(items(&report(&admin, "orders/daily").await).len(), 30);
    assert_eq!(items(&report(&admin, "users/growth?from=2023-01-01&to=2024-01-01").await).len(), 366);
    assert_eq!(items(&report(&admin, "revenue/monthly").await).len(), 12);
    assert_eq!(items(&report(&admin, "revenue/monthly?to=2024-12&from=2020-01").await).len(), 60);
}

#[tokio::test]
async fn invalid_parameters_are_named() {
    let admin = Person::admin().await;
    for (path, field, code) in [
        ("orders/daily?from=yesterday", "from", "not_a_day"),
        ("orders/daily?to=2026-02-29", "to", "not_a_day"),
        ("orders/daily?from=2024-02-02&to=2024-02-01", "from", "after_to"),
        ("users/growth?from=2024-01-01&to=2025-01-01", "from", "too_long_ago"),
        ("revenue/monthly?from=2024-02-01", "from", "not_a_month"),
        ("revenue/monthly?to=2024-13", "to", "not_a_month"),
        ("revenue/monthly?from=2024-02&to=2024-01", "from", "after_to"),
        ("revenue/monthly?from=2019-12&to=2024-12", "from", "too_long_ago"),
        ("products/top?limit=0", "limit", "out_of_range"),
        ("products/top?by=fame", "by", "unknown_ranking"),
        ("products/top?by=value&currency=XAU", "currency", "unknown_currency"),
    ] {
        let problem = admin.get(&format!("/analytics/{path}")).await.expect(422);
        let [error] = problem["errors"].as_array().unwrap().as_slice() else { panic!("{problem}") };
        assert_eq!((&error["field"], &error["code"]), (&json!(field), &json!(code)), "{path}: {problem}");
    }
    let both = admin.get("/analytics/orders/daily?from=x&to=y").await.wrong_fields();
    assert_eq!(both, ["from", "to"]);
    let problem = admin.get("/analytics/products/top?currency=USD").await.expect(422);
    assert_eq!(problem["code"], "unsupported_filter");
}

/// The figures of a day: `orders`, `items`, cents, `paid`, `cancelled`.
type DayFigures = [i64; 5];

/// Returns the figures of each day, calculated from the events of all orders.
async fn days_from_orders(admin: &Person) -> BTreeMap<String, DayFigures> {
    let (mut ids, mut path) = (BTreeSet::new(), "/orders?limit=100".to_owned());
    loop {
        let page = admin.get(&path).await.expect(200);
        ids.extend(items(&page).iter().map(|order| order["id"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/orders?limit=100&cursor={cursor}"),
            None => break,
        }
    }
    let history = async |id: String| admin.get(&format!("/orders/{id}/events?limit=100")).await.expect(200);
    let histories: Vec<Value> = stream::iter(ids).map(history).buffer_unordered(8).collect().await;
    let mut days: BTreeMap<String, DayFigures> = BTreeMap::new();
    for event in histories.iter().flat_map(items) {
        let day = days.entry(event["time"].as_str().unwrap()[..10].to_owned()).or_default();
        match event["type"].as_str().unwrap() {
            "OrderPlaced" => {
                let lines = event["data"]["lines"].as_array().unwrap();
                day[0] += 1;
                day[1] += lines.iter().map(|line| number(&line["quantity"])).sum::<i64>();
                day[2] += cents(&event["data"]["total"]["amount"]);
            }
            "OrderConfirmed" => day[3] += 1,
            "OrderCancelled" => day[4] += 1,
            _ => {}
        }
    }
    days.retain(|_, day| *day != [0; 5]);
    days
}

/// Returns the figures of the reports: the days of orders, then the captured and refunded cents and the users.
async fn figures_from_reports(admin: &Person) -> (BTreeMap<String, DayFigures>, [i64; 3]) {
    let daily = report(admin, "orders/daily").await;
    assert_eq!(daily["time_zone"], "UTC");
    let of_day = |day: &Value| {
        let counts = ["orders", "items", "value", "paid", "cancelled"];
        counts.map(|name| if name == "value" { in_usd(&day[name]) } else { number(&day[name]) })
    };
    let days = items(&daily).iter().map(|day| (day["day"].as_str().unwrap().to_owned(), of_day(day)));
    let (revenue, growth) = (report(admin, "revenue/monthly").await, report(admin, "users/growth").await);
    let sum = |name: &str| items(&revenue).iter().map(|month| in_usd(&month[name])).sum();
    let (gross, refunded) = (sum("gross"), sum("refunded"));
    assert_eq!(sum("net"), gross - refunded);
    let users = number(&items(&growth).last().unwrap()["total"]);
    (days.filter(|(_, day)| *day != [0; 5]).collect(), [gross, refunded, users])
}

/// Returns the captured and refunded cents and the users, from the statistics of payments and users.
async fn totals_of_contexts(admin: &Person) -> [i64; 3] {
    let money = admin.get("/payments/stats").await.expect(200);
    let users = admin.get("/users/stats").await.expect(200);
    [in_usd(&money["captured"]["totals"]), in_usd(&money["refunded"]["totals"]), number(&users["total"])]
}

/// Runs after all other tests: whatever they did, the reports agree with the data of the contexts to the cent.
#[tokio::test]
async fn all_together_agree_with_orders_payments_and_users() {
    let (shop, admin, carol) = (Shop::open().await, Person::admin().await, Person::customer().await);
    let mug = shop.product(100).await;
    let paid = carol.check_out(&mug, 3, "pm_card_visa").await;
    let cancelled = carol.check_out(&mug, 2, "pm_card_visa").await;
    let declined = carol.check_out(&mug, 1, "pm_card_chargeDeclined").await;
    let pending = carol.post("/orders", &mug.order_line(4)).await.expect(201);
    let payment = shop.payment_becomes(&paid, "captured").await;
    let partial_refund = json!({ "payment_id": payment["id"], "amount": "2.50" });
    admin.post("/payments/refund", &partial_refund).await.expect(201);
    shop.payment_becomes(&cancelled, "captured").await;
    for order in [&cancelled, &pending] {
        carol.delete(&format!("/orders/{}", order["id"].as_str().unwrap())).await.expect(200);
    }
    shop.payment_becomes(&cancelled, "refunded").await;
    carol.outcome(&declined).await;
    let deleted = Person::customer().await;
    admin.delete(&format!("/users/{}", deleted.id)).await.expect(204);

    eventually("the reports to agree with the contexts", || async {
        let (days, sums) = figures_from_reports(&admin).await;
        let (expected_days, expected_sums) = (days_from_orders(&admin).await, totals_of_contexts(&admin).await);
        if (&days, sums) == (&expected_days, expected_sums) {
            return Ok(());
        }
        Err(format!("{days:?} {sums:?} in the reports, {expected_days:?} {expected_sums:?} in the contexts"))
    })
    .await;
}
