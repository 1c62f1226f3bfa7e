//! How the shop is: each context's table, queues and dead letters, the payment provider, and the events that could not be published.
//!
//! Anybody may ask, so an environment asks AWS at most once in some seconds, and the answer names nothing of the account.

mod checks;
mod report;
mod watched;

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use futures::future::join_all;
use kernel::Timestamp;
use lambda::{
    Error, env,
    http::{self, Reply, Request},
    openapi::Operation,
    problem::Problem,
};
use serde_json::json;
use tokio::sync::Mutex;

use checks::Checks;
use report::{OneContext, Report, Status};
use watched::Watched;

/// How long a report is kept, in milliseconds.
const KEPT_MS: i64 = 5_000;

/// Asks how the shop is, and keeps what it learned for a moment.
pub struct Health {
    checks: Checks,
    contexts: BTreeMap<String, Watched>,
    kept: Mutex<Option<Report>>,
}

impl Health {
    /// Over the environment's one configuration, and the tables and queues that the template names.
    ///
    /// # Errors
    /// When a variable is missing or not in its form.
    pub fn connect(config: &SdkConfig) -> Result<Self, Error> {
        let variables = std::env::vars_os();
        let variables =
            variables.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Ok(Self {
            checks: Checks::connect(config, env("UNPUBLISHED_QUEUE_URL")?)?,
            contexts: watched::contexts(variables)?,
            kept: Mutex::new(None),
        })
    }

    async fn check(&self, now: Timestamp) -> Report {
        let contexts = self.contexts.iter().map(async |(name, watched)| (name, self.checks.context(watched).await));
        let (found, unpublished) = futures::join!(join_all(contexts), self.checks.unpublished());
        let contexts = found.into_iter().map(|(name, found)| (name.clone(), found.into())).collect();
        Report::new(now, contexts, unpublished)
    }
}

/// `GET /health`, `GET /api/v1/health/{context}`: how all contexts are, or one: 200 when it works, 503 when it does not.
pub async fn health(health: &Health, request: &Request) -> Reply {
    let context = request.parameter("context");
    if context.is_some_and(|name| !health.contexts.contains_key(name)) {
        return Err(Problem::not_found("context"));
    }
    let mut kept = health.kept.lock().await;
    let report = match kept.take().filter(|report| is_fresh(report.checked_at, request.now)) {
        Some(fresh) => fresh,
        None => health.check(request.now).await,
    };
    let report = kept.insert(report);
    match context.and_then(|name| report.of(name)) {
        Some(one) => http::with_status(status_code(one.health.status), &one),
        None => http::with_status(status_code(report.status), report),
    }
}

/// How the document tells of them.
pub(crate) fn operations() -> [Operation; 2] {
    let queue = json!({ "name": "StartCheckout", "status": "up", "waiting": 0, "in_flight": 1, "dead_letters": 0 });
    let orders = json!({ "status": "up", "table": { "status": "up" }, "queues": [queue] });
    let mut payments = orders.clone();
    payments["queues"][0]["name"] = json!("UndoCancelled");
    payments["provider"] = json!({ "status": "up", "circuit": "closed", "since": "2026-11-20T21:04:10.000Z" });
    let report = json!({
        "status": "up",
        "checked_at": "2026-11-21T06:30:31.000Z",
        "contexts": { "gateway": { "status": "up" }, "orders": orders, "payments": payments },
        "unpublished": { "status": "up", "count": 0 },
    });
    let mut one = orders.clone();
    one["name"] = json!("orders");
    one["checked_at"] = report["checked_at"].clone();
    let all = Operation::new("GET /api/v1/health", "getHealth", "How the shop is")
        .also("GET /health", "getHealthAtRoot")
        .describe("Each context's table, queues and dead letters, whether the payment provider is asked, and the events that could not be published; \
             at most five seconds old.")
        .ok::<Report>("It works, if maybe not all of it.", report.clone())
        .answer::<Report>(503, "A part of it does not work.", report);
    let context = Operation::new("GET /api/v1/health/{context}", "getContextHealth", "How one context is")
        .path::<String>("context", "Which context.", "orders")
        .ok::<OneContext<'_>>("It works, if maybe not all of it.", one.clone())
        .answer::<OneContext<'_>>(503, "A part of it does not work.", one)
        .refuses(Problem::not_found("context"));
    [all, context]
}

/// Whether a report is young enough; one from the future is not, the clock was set.
fn is_fresh(checked_at: Timestamp, now: Timestamp) -> bool {
    (0..KEPT_MS).contains(&(now.as_millis() - checked_at.as_millis()))
}

fn status_code(status: Status) -> u16 {
    match status {
        Status::Up | Status::Degraded => 200,
        Status::Down => 503,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_kept_for_five_seconds() {
        let checked_at = Timestamp::from_millis(1_767_323_045_600);
        for (later, fresh) in [(0, true), (4_999, true), (5_000, false), (86_400_000, false), (-1, false)] {
            let now = Timestamp::from_millis(checked_at.as_millis() + later);
            assert_eq!(is_fresh(checked_at, now), fresh, "{later} ms later");
        }
    }

    #[test]
    fn only_what_is_down_is_unavailable() {
        assert_eq!([Status::Up, Status::Degraded, Status::Down].map(status_code), [200, 200, 503]);
    }
}
