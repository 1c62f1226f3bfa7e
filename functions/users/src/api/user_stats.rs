use lambda::{
    http::{self, Reply, Request},
    openapi::Operation,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::Users;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UserStats")]
struct StatsAnswer {
    /// How many accounts there are.
    total: i64,
    customers: i64,
    admins: i64,
    /// How many were ever made.
    registered: i64,
    /// How many were deleted.
    deleted: i64,
}

/// `GET /users/stats`: counters, exact to the last write.
pub async fn user_stats(users: &Users, _: &Request) -> Reply {
    let counts = users.counts().await?;
    http::ok(&StatsAnswer {
        total: counts.customers + counts.admins,
        customers: counts.customers,
        admins: counts.admins,
        registered: counts.registered,
        deleted: counts.deleted,
    })
}

/// How the document tells of it.
pub(super) fn operation() -> Operation {
    let example = json!({ "total": 5, "customers": 4, "admins": 1, "registered": 6, "deleted": 1 });
    Operation::new("GET /api/v1/users/stats", "getUserStats", "How many accounts there are")
        .ok::<StatsAnswer>("The counters, exact to the last write.", example)
}
