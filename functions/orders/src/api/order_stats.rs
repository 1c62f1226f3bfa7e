use kernel::{Currency, Money};
use lambda::{
    http::{self, Reply, Request},
    openapi::Operation,
    policy::{Access, Route},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::{Orders, domain::Status, store::Count};

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OrderStats")]
struct StatsResponse {
    /// The number of orders.
    orders: i64,
    /// The totals of all orders, by currency.
    totals: Vec<TotalResponse>,
    /// The numbers and totals by status, with all statuses.
    by_status: Vec<StatusStats>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OrderStatsOfStatus")]
struct StatusStats {
    status: Status,
    orders: i64,
    totals: Vec<TotalResponse>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OrderTotal")]
struct TotalResponse {
    currency: Currency,
    #[schemars(schema_with = "kernel::decimal_schema")]
    amount: String,
}

pub(crate) const ROUTE: Route = Route::new("GET /api/v1/orders/stats", Access::Admin);

/// `GET /orders/stats`: returns the counters by status. Those of pending orders come from the index, which may lag
/// behind.
pub async fn order_stats(orders: &Orders, _: Request) -> Reply {
    let counts = orders.counts().await?;
    let all = counts.values().fold(Count::default(), |sum, count| sum.plus(*count));
    let by_status = counts.iter().map(|(status, count)| StatusStats {
        status: *status,
        orders: count.orders,
        totals: totals(count),
    });
    http::ok(&StatsResponse { orders: all.orders, totals: totals(&all), by_status: by_status.collect() })
}

fn totals(count: &Count) -> Vec<TotalResponse> {
    let response = |total: Money| TotalResponse { currency: total.currency(), amount: total.to_decimal() };
    count.totals().map(response).collect()
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    let totals = json!([{ "currency": "USD", "amount": "1299.80" }]);
    let example = json!({
        "orders": 8,
        "totals": totals,
        "by_status": [{ "status": "paid", "orders": 8, "totals": totals }],
    });
    Operation::new(ROUTE, "getOrderStats", "Get order counts and totals by status")
        .describe(
            "The counters of all orders are updated with the orders themselves and are exact. Only pending orders are \
             counted at the time of the request, and those of the last second may be missing.",
        )
        .ok::<StatsResponse>("The counters.", example)
}
