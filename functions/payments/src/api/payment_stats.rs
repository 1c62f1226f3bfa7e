use std::collections::BTreeMap;

use kernel::{Currency, Money};
use lambda::{
    http::{self, Reply, Request},
    openapi::Operation,
    policy::{Access, Route},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::Payments;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PaymentStats")]
struct StatsResponse {
    /// Payments that were captured, whether they were refunded later or not.
    captured: CountResponse,
    /// Payments that were declined or could not be captured.
    declined: CountResponse,
    /// Refunds that have succeeded. Each partial refund counts as one.
    refunded: CountResponse,
    /// The captured amounts less the refunds, by currency.
    net: Vec<AmountResponse>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PaymentCount")]
struct CountResponse {
    count: i64,
    /// The sums of their amounts, by currency.
    totals: Vec<AmountResponse>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PaymentTotal")]
struct AmountResponse {
    currency: Currency,
    #[schemars(schema_with = "kernel::decimal_schema")]
    amount: String,
}

pub(crate) const ROUTE: Route = Route::new("GET /api/v1/payments/stats", Access::Admin);

/// `GET /payments/stats`: returns the numbers and sums of payments and refunds.
pub async fn payment_stats(payments: &Payments, _: Request) -> Reply {
    let counters = payments.counters().await?;
    let net = |currency| minor(&counters, "captured", currency) - minor(&counters, "refunded", currency);
    http::ok(&StatsResponse {
        captured: count(&counters, "captured"),
        declined: count(&counters, "declined"),
        refunded: count(&counters, "refunded"),
        net: totals(net),
    })
}

fn count(counters: &BTreeMap<String, i64>, what: &str) -> CountResponse {
    let count = counters.get(what).copied().unwrap_or_default();
    CountResponse { count, totals: totals(|currency| minor(counters, what, currency)) }
}

fn minor(counters: &BTreeMap<String, i64>, what: &str, currency: Currency) -> i64 {
    counters.get(&format!("{what}_{currency}")).copied().unwrap_or_default()
}

fn totals(minor: impl Fn(Currency) -> i64) -> Vec<AmountResponse> {
    let total = |currency| Money::from_minor(minor(currency), currency);
    let totals = Currency::ALL.into_iter().map(total).filter(|total| total.minor() != 0);
    totals.map(|total| AmountResponse { currency: total.currency(), amount: total.to_decimal() }).collect()
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    let usd = |amount: &str| json!([{ "currency": "USD", "amount": amount }]);
    let example = json!({
        "captured": { "count": 8, "totals": usd("1299.80") },
        "declined": { "count": 1, "totals": usd("20.00") },
        "refunded": { "count": 2, "totals": usd("99.80") },
        "net": usd("1200.00"),
    });
    Operation::new(ROUTE, "getPaymentStats", "Get the numbers and sums of payments and refunds")
        .describe("The counters are updated in the same transactions as the payments, so they are always exact.")
        .ok::<StatsResponse>("The numbers and sums.", example)
}
