use lambda::http::{self, Reply, Request};
use serde::Serialize;

use crate::Users;

#[derive(Serialize)]
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
