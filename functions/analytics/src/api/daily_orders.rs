use lambda::{
    http::{self, Reply, Request},
    openapi::Operation,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::{period, usd};
use crate::rollups::{Amount, Rollups, amounts, calendar::Day};

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DailyOrders")]
struct ReportAnswer<'a> {
    /// Where the days begin and end.
    time_zone: &'a str,
    from: Day,
    to: Day,
    /// Each day, the earliest first.
    items: Vec<DayAnswer>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OrdersOfDay")]
struct DayAnswer {
    day: Day,
    /// How many orders were placed.
    orders: i64,
    /// How many pieces are in them.
    items: i64,
    /// What they cost, by currency.
    value: Vec<Amount>,
    /// How many orders were paid on that day, whenever they were placed.
    paid: i64,
    /// How many orders were cancelled on that day, whenever they were placed.
    cancelled: i64,
}

/// `GET /analytics/orders/daily`: what was ordered, day by day.
pub async fn daily_orders(rollups: &Rollups, request: &Request) -> Reply {
    let days = period::days(request, rollups.zone().day_of(request.now))?;
    let (from, to) = days.clone().into_inner();
    let items = rollups.days(days).await?.into_iter().map(|(day, figures)| DayAnswer {
        day,
        orders: figures.count("orders"),
        items: figures.count("items"),
        value: amounts(figures.money("value")),
        paid: figures.count("paid"),
        cancelled: figures.count("cancelled"),
    });
    http::ok(&ReportAnswer { time_zone: rollups.zone().name(), from, to, items: items.collect() })
}

/// How the document tells of it.
pub(super) fn operation() -> Operation {
    let day = json!({
        "day": "2026-11-21", "orders": 8, "items": 11, "value": usd("1299.80"), "paid": 7, "cancelled": 1,
    });
    let example = json!({ "time_zone": "UTC", "from": "2026-11-21", "to": "2026-11-21", "items": [day] });
    let operation =
        Operation::new("GET /api/v1/analytics/orders/daily", "getDailyOrders", "What was ordered, day by day")
            .describe(
                "Each order is counted once, seconds after it happened. Days without orders are there, with zeros.",
            );
    period::of_days(operation).ok::<ReportAnswer<'_>>("The days.", example)
}
