use lambda::{
    http::{self, Reply, Request},
    openapi::Operation,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::period;
use crate::rollups::{Growth, Rollups, calendar::Day};

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UserGrowth")]
struct ReportAnswer<'a> {
    /// Where the days begin and end.
    time_zone: &'a str,
    from: Day,
    to: Day,
    /// Each day, the earliest first.
    items: Vec<DayAnswer>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UsersOfDay")]
struct DayAnswer {
    day: Day,
    /// How many accounts were made.
    registered: i64,
    /// How many were deleted.
    deleted: i64,
    /// The first less the second.
    net: i64,
    /// How many there were at the end of the day.
    total: i64,
}

impl From<Growth> for DayAnswer {
    fn from(growth: Growth) -> Self {
        let Growth { day, registered, deleted, total } = growth;
        Self { day, registered, deleted, net: registered - deleted, total }
    }
}

/// `GET /analytics/users/growth`: how many users there are, day by day.
pub async fn user_growth(rollups: &Rollups, request: &Request) -> Reply {
    let days = period::days(request, rollups.zone().day_of(request.now))?;
    let (from, to) = days.clone().into_inner();
    let items = rollups.growth(days).await?.into_iter().map(DayAnswer::from).collect();
    http::ok(&ReportAnswer { time_zone: rollups.zone().name(), from, to, items })
}

/// How the document tells of it.
pub(super) fn operation() -> Operation {
    let day = json!({ "day": "2026-11-21", "registered": 5, "deleted": 1, "net": 4, "total": 128 });
    let example = json!({ "time_zone": "UTC", "from": "2026-11-21", "to": "2026-11-21", "items": [day] });
    let operation = Operation::new(
        "GET /api/v1/analytics/users/growth",
        "getUserGrowth",
        "How many users there are, day by day",
    )
    .describe(
        "Accounts count on the day they were made and on the day they were deleted. Days without either are there.",
    );
    period::of_days(operation).ok::<ReportAnswer<'_>>("The days.", example)
}
