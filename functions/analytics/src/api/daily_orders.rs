use lambda::{
    http::{self, ApiRequest, Reply, Request},
    openapi::Operation,
    policy::{Access, Route},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::{examples::usd, period};
use crate::rollups::{Amount, Rollups, amounts, calendar::Day};

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DailyOrders")]
struct ReportResponse<'a> {
    /// The time zone of the days.
    time_zone: &'a str,
    from: Day,
    to: Day,
    /// One entry for each day, the earliest first.
    items: Vec<DayResponse>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OrdersOfDay")]
struct DayResponse {
    day: Day,
    /// The number of orders that were placed.
    orders: i64,
    /// The number of pieces in these orders.
    items: i64,
    /// The total of these orders, by currency.
    value: Vec<Amount>,
    /// The number of orders that were paid on this day, whenever they were placed.
    paid: i64,
    /// The number of orders that were cancelled on this day, whenever they were placed.
    cancelled: i64,
}

pub(crate) const ROUTE: Route = Route::new("GET /api/v1/analytics/orders/daily", Access::Admin);

/// `GET /analytics/orders/daily`: returns the orders of each day.
pub async fn daily_orders(rollups: &Rollups, request: Request) -> Reply {
    let days = period::days(&request, rollups.zone().day_of(request.now()))?;
    let (from, to) = days.clone().into_inner();
    let items = rollups.days(days).await?.into_iter().map(|(day, figures)| DayResponse {
        day,
        orders: figures.count("orders"),
        items: figures.count("items"),
        value: amounts(figures.money("value")),
        paid: figures.count("paid"),
        cancelled: figures.count("cancelled"),
    });
    http::ok(&ReportResponse { time_zone: rollups.zone().name(), from, to, items: items.collect() })
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    let day = json!({
        "day": "2026-11-21", "orders": 8, "items": 11, "value": usd("1299.80"), "paid": 7, "cancelled": 1,
    });
    let example = json!({ "time_zone": "UTC", "from": "2026-11-21", "to": "2026-11-21", "items": [day] });
    let operation = Operation::new(ROUTE, "getDailyOrders", "Get the orders of each day")
        .describe("Each order is counted once, seconds after the event. Days without orders are included, with zeros.");
    period::day_parameters(operation).ok::<ReportResponse<'_>>("The orders of each day.", example)
}
