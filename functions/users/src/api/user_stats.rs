use lambda::{
    http::{self, Reply, Request},
    openapi::Operation,
    policy::{Access, Route},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::Users;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UserStats")]
struct UserStatsResponse {
    /// The number of accounts.
    total: i64,
    customers: i64,
    admins: i64,
    /// The number of accounts that were ever created.
    registered: i64,
    /// The number of accounts that were deleted.
    deleted: i64,
}

pub(crate) const ROUTE: Route = Route::new("GET /api/v1/users/stats", Access::Admin);

/// `GET /users/stats`: returns the counters, which include the last write.
pub async fn user_stats(users: &Users, _: Request) -> Reply {
    let counts = users.counts().await?;
    http::ok(&UserStatsResponse {
        total: counts.customers + counts.admins,
        customers: counts.customers,
        admins: counts.admins,
        registered: counts.registered,
        deleted: counts.deleted,
    })
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    let example = json!({ "total": 5, "customers": 4, "admins": 1, "registered": 6, "deleted": 1 });
    Operation::new(ROUTE, "getUserStats", "Count accounts")
        .ok::<UserStatsResponse>("The counters, which include the last write.", example)
}
