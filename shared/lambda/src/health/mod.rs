//! The health of a context: its table, queues and dead-letter queues. Each context has a `health` function.
//!
//! Anybody may request it. An environment therefore calls AWS at most once in a few seconds, and the response has no
//! names from the account.

mod cached;
mod checks;
mod config;
mod report;

use std::future::Future;

use aws_config::SdkConfig;
use dynamo::Table;
use futures::future::{OptionFuture, join_all};
use kernel::Timestamp;
use serde_json::{Value, json};

pub use cached::Cached;
pub use checks::{Queues, in_time};
pub use report::{Circuit, ContextHealth, Depth, FoundProvider, Report, Status};

use crate::{
    Error, env,
    http::{self, ApiRequest, Reply, Request},
    openapi::Operation,
    policy::Route,
};
use config::Consumer;
use report::{FoundContext, NamedContextHealth};

/// The time in the examples of the documentation.
pub const CHECKED_AT: &str = "2026-11-21T06:30:31.000Z";

/// Checks the table and the queues of a context, and caches the result for a few seconds.
pub struct Health {
    context: &'static str,
    table: Option<Table>,
    consumers: Vec<Consumer>,
    queues: Queues,
    cached: Cached,
}

impl Health {
    /// Creates the clients. The environment variable `TABLE_NAME` has the table, if the context has one, and
    /// `HEALTH_QUEUES` has the queues of its consumers as `<consumer>=<queue URL>` pairs, separated by commas.
    ///
    /// # Errors
    /// If `HEALTH_QUEUES` has another format.
    pub fn connect(config: &SdkConfig, context: &'static str) -> Result<Self, Error> {
        Ok(Self {
            context,
            table: env("TABLE_NAME").ok().map(|name| Table::connect(config, name)),
            consumers: config::consumers_from_env()?,
            queues: Queues::connect(config),
            cached: Cached::default(),
        })
    }

    /// Responds with the health of the context. `provider` resolves to `None` if the context has no payment provider,
    /// and to `Some(None)` if the state of the provider is not known.
    ///
    /// # Errors
    /// If the response cannot be serialized.
    pub async fn respond(
        &self,
        now: Timestamp,
        provider: impl Future<Output = Option<Option<FoundProvider>>>,
    ) -> Reply {
        let check = async {
            let health = self.check(provider).await;
            reply(&NamedContextHealth { name: self.context, checked_at: now, health: &health }, health.status)
        };
        self.cached.get_or(now, check).await
    }

    /// Checks the health of the context now.
    pub async fn check(&self, provider: impl Future<Output = Option<Option<FoundProvider>>>) -> ContextHealth {
        let table = OptionFuture::from(self.table.as_ref().map(checks::is_active));
        let consumers = join_all(self.consumers.iter().map(|consumer| self.queues.consumer(consumer)));
        let (table_is_active, consumers, provider) = futures::join!(table, consumers, provider);
        FoundContext { table_is_active, consumers, provider }.into()
    }
}

/// `GET /api/v1/health/<context>`: responds with the health of a context, with 503 if it is down.
///
/// # Errors
/// If the response cannot be serialized.
pub async fn health(health: &Health, request: Request) -> Reply {
    health.respond(request.now(), async { None }).await
}

/// Responds with `body`: with 503 if `status` is `down`, and else with 200.
///
/// # Errors
/// If the body cannot be serialized.
pub fn reply(body: &impl serde::Serialize, status: Status) -> Reply {
    http::with_status(status_code(status), body)
}

fn status_code(status: Status) -> u16 {
    match status {
        Status::Up | Status::Degraded => 200,
        Status::Down => 503,
    }
}

/// Returns the documentation of the [`health`] endpoint of a context.
pub fn operation(route: Route, id: &'static str, example: Value) -> Operation {
    Operation::new(route, id, "Get the health of one context")
        .ok::<NamedContextHealth<'_>>("The context is up or degraded.", example.clone())
        .response::<NamedContextHealth<'_>>(503, "A part of the context is down.", example)
}

/// Returns an example of the response of [`health`] for a context with a table and these consumers.
pub fn example(context: &str, consumers: &[&str]) -> Value {
    let queue = |name: &&str| json!({ "name": name, "status": "up", "waiting": 0, "in_flight": 1, "dead_letters": 0 });
    let mut example = json!({ "name": context, "checked_at": CHECKED_AT, "status": "up", "table": { "status": "up" } });
    if !consumers.is_empty() {
        example["queues"] = consumers.iter().map(queue).collect();
    }
    example
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_context_that_is_down_is_unavailable() {
        assert_eq!([Status::Up, Status::Degraded, Status::Down].map(status_code), [200, 200, 503]);
    }
}
