use lambda::{
    http::{self, ApiRequest, Reply, Request},
    openapi::Operation,
    policy::{Access, Route},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::period;
use crate::rollups::{Growth, Rollups, calendar::Day};

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UserGrowth")]
struct ReportResponse<'a> {
    /// The time zone of the days.
    time_zone: &'a str,
    from: Day,
    to: Day,
    /// One entry for each day, the earliest first.
    items: Vec<DayResponse>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UsersOfDay")]
struct DayResponse {
    day: Day,
    /// The number of accounts that were registered.
    registered: i64,
    /// The number of accounts that were deleted.
    deleted: i64,
    /// `registered` minus `deleted`.
    net: i64,
    /// The number of accounts at the end of the day.
    total: i64,
}

impl From<Growth> for DayResponse {
    fn from(growth: Growth) -> Self {
        let Growth { day, registered, deleted, total } = growth;
        Self { day, registered, deleted, net: registered - deleted, total }
    }
}

pub(crate) const ROUTE: Route = Route::new("GET /api/v1/analytics/users/growth", Access::Admin);

/// `GET /analytics/users/growth`: returns the number of users on each day.
pub async fn user_growth(rollups: &Rollups, request: Request) -> Reply {
    let days = period::days(&request, rollups.zone().day_of(request.now()))?;
    let (from, to) = days.clone().into_inner();
    let items = rollups.growth(days).await?.into_iter().map(DayResponse::from).collect();
    http::ok(&ReportResponse { time_zone: rollups.zone().name(), from, to, items })
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    let day = json!({ "day": "2026-11-21", "registered": 5, "deleted": 1, "net": 4, "total": 128 });
    let example = json!({ "time_zone": "UTC", "from": "2026-11-21", "to": "2026-11-21", "items": [day] });
    let operation = Operation::new(ROUTE, "getUserGrowth", "Get the number of users on each day").describe(
        "Accounts count on the days on which they were registered and deleted. Days without either are included.",
    );
    period::day_parameters(operation).ok::<ReportResponse<'_>>("The number of users on each day.", example)
}
