use std::collections::BTreeMap;

use kernel::{Currency, Money};
use lambda::{
    http::{self, Reply, Request},
    openapi::Operation,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::Payments;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PaymentStats")]
struct StatsAnswer {
    /// Payments whose money was taken, whatever went back later.
    captured: CountAnswer,
    /// Payments that the bank declined.
    declined: CountAnswer,
    /// What went back; each part of a payment counts.
    refunded: CountAnswer,
    /// What was taken and did not go back, by currency.
    net: Vec<AmountAnswer>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PaymentCount")]
struct CountAnswer {
    count: i64,
    /// How much money that is, by currency.
    totals: Vec<AmountAnswer>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PaymentTotal")]
struct AmountAnswer {
    currency: Currency,
    #[schemars(schema_with = "kernel::decimal_schema")]
    amount: String,
}

/// `GET /payments/stats`: what was taken and given back, exact to the last write.
pub async fn payment_stats(payments: &Payments, _: &Request) -> Reply {
    let counters = payments.counters().await?;
    let net = |currency| minor(&counters, "captured", currency) - minor(&counters, "refunded", currency);
    http::ok(&StatsAnswer {
        captured: count(&counters, "captured"),
        declined: count(&counters, "declined"),
        refunded: count(&counters, "refunded"),
        net: totals(net),
    })
}

fn count(counters: &BTreeMap<String, i64>, what: &str) -> CountAnswer {
    let count = counters.get(what).copied().unwrap_or_default();
    CountAnswer { count, totals: totals(|currency| minor(counters, what, currency)) }
}

fn minor(counters: &BTreeMap<String, i64>, what: &str, currency: Currency) -> i64 {
    counters.get(&format!("{what}_{currency}")).copied().unwrap_or_default()
}

fn totals(minor: impl Fn(Currency) -> i64) -> Vec<AmountAnswer> {
    let total = |currency| Money::from_minor(minor(currency), currency);
    let totals = Currency::ALL.into_iter().map(total).filter(|total| total.minor() != 0);
    totals.map(|total| AmountAnswer { currency: total.currency(), amount: total.to_decimal() }).collect()
}

/// How the document tells of it.
pub(super) fn operation() -> Operation {
    let usd = |amount: &str| json!([{ "currency": "USD", "amount": amount }]);
    let example = json!({
        "captured": { "count": 8, "totals": usd("1299.80") },
        "declined": { "count": 1, "totals": usd("20.00") },
        "refunded": { "count": 2, "totals": usd("99.80") },
        "net": usd("1200.00"),
    });
    Operation::new("GET /api/v1/payments/stats", "getPaymentStats", "How much money was taken and given back")
        .describe("Counted in the writes of the payments themselves: exact to the last one.")
        .ok::<StatsAnswer>("The counters.", example)
}
