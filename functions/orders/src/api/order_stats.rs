use kernel::{Currency, Money};
use lambda::{
    http::{self, Reply, Request},
    openapi::Operation,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::{Orders, domain::Status, store::Count};

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OrderStats")]
struct StatsAnswer {
    /// How many orders there are.
    orders: i64,
    /// What they cost together, by currency.
    totals: Vec<TotalAnswer>,
    /// The same by state, all of them.
    by_status: Vec<StatusAnswer>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OrderStatsOfStatus")]
struct StatusAnswer {
    status: Status,
    orders: i64,
    totals: Vec<TotalAnswer>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OrderTotal")]
struct TotalAnswer {
    currency: Currency,
    #[schemars(schema_with = "kernel::decimal_schema")]
    amount: String,
}

/// `GET /orders/stats`: counters by state, exact to the last write; those that are pending come from the index, which lags.
pub async fn order_stats(orders: &Orders, _: &Request) -> Reply {
    let counts = orders.counts().await?;
    let all = counts.values().fold(Count::default(), |sum, count| sum.plus(*count));
    let by_status = counts.iter().map(|(status, count)| StatusAnswer {
        status: *status,
        orders: count.orders,
        totals: totals(count),
    });
    http::ok(&StatsAnswer { orders: all.orders, totals: totals(&all), by_status: by_status.collect() })
}

fn totals(count: &Count) -> Vec<TotalAnswer> {
    let answer = |total: Money| TotalAnswer { currency: total.currency(), amount: total.to_decimal() };
    count.totals().map(answer).collect()
}

/// How the document tells of it.
pub(super) fn operation() -> Operation {
    let totals = json!([{ "currency": "USD", "amount": "1299.80" }]);
    let example = json!({
        "orders": 8,
        "totals": totals,
        "by_status": [{ "status": "paid", "orders": 8, "totals": totals }],
    });
    Operation::new("GET /api/v1/orders/stats", "getOrderStats", "How many orders there are, and of how much money")
        .describe("Counted in the writes of the orders themselves: exact to the last one, but for those that are pending, which are counted now and may lack the last second's.")
        .ok::<StatsAnswer>("The counters.", example)
}
