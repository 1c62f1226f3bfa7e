//! The health of a context: its table, its queues and its dead letters, for the `health` function that each context has.
//!
//! Anybody may ask, so an environment asks AWS at most once in some seconds, and the answer names nothing of the account.

mod checks;
mod kept;
mod report;
mod watched;

use std::future::Future;

use aws_config::SdkConfig;
use dynamo::Table;
use futures::future::{OptionFuture, join_all};
use kernel::Timestamp;
use serde_json::{Value, json};

pub use checks::{Queues, in_time};
pub use kept::Kept;
pub use report::{Circuit, ContextHealth, Depth, FoundProvider, Report, Status};

use crate::{
    Error, env,
    http::{self, Reply, Request},
    openapi::Operation,
};
use report::{Found, OneContext};
use watched::Consumer;

/// When the examples were looked at.
pub const CHECKED_AT: &str = "2026-11-21T06:30:31.000Z";

/// Looks at a context's table and queues, and keeps what it found for a moment.
pub struct Health {
    context: &'static str,
    table: Option<Table>,
    consumers: Vec<Consumer>,
    queues: Queues,
    kept: Kept,
}

impl Health {
    /// Over the environment's one configuration: the table is `TABLE_NAME`, if the context has one, and `HEALTH_QUEUES` names the
    /// queues of its consumers: `<consumer>=<queue URL>`, with commas between them.
    ///
    /// # Errors
    /// When a variable is not in its form.
    pub fn connect(config: &SdkConfig, context: &'static str) -> Result<Self, Error> {
        Ok(Self {
            context,
            table: env("TABLE_NAME").ok().map(|name| Table::connect(config, name)),
            consumers: watched::from_env()?,
            queues: Queues::connect(config),
            kept: Kept::default(),
        })
    }

    /// How the context is, with the provider that it depends on, if it has one; `None` within is a provider that is not known.
    ///
    /// # Errors
    /// When the answer does not serialize.
    pub async fn answer(&self, now: Timestamp, provider: impl Future<Output = Option<Option<FoundProvider>>>) -> Reply {
        let looked = async {
            let health = self.look(provider).await;
            reply(&OneContext { name: self.context, checked_at: now, health: &health }, health.status)
        };
        self.kept.or_else(now, looked).await
    }

    /// How the context is at this moment.
    pub async fn look(&self, provider: impl Future<Output = Option<Option<FoundProvider>>>) -> ContextHealth {
        let table = OptionFuture::from(self.table.as_ref().map(checks::works));
        let consumers = join_all(self.consumers.iter().map(|consumer| self.queues.consumer(consumer)));
        let (table_works, consumers, provider) = futures::join!(table, consumers, provider);
        Found { table_works, consumers, provider }.into()
    }
}

/// `GET /api/v1/health/<context>`: how a context is: 200 when it works, 503 when it does not.
///
/// # Errors
/// When the answer does not serialize.
pub async fn health(health: &Health, request: &Request) -> Reply {
    health.answer(request.now, async { None }).await
}

/// 200 with `body` when what it tells of works, 503 when it does not.
///
/// # Errors
/// When it does not serialize.
pub fn reply(body: &impl serde::Serialize, status: Status) -> Reply {
    http::with_status(status_code(status), body)
}

fn status_code(status: Status) -> u16 {
    match status {
        Status::Up | Status::Degraded => 200,
        Status::Down => 503,
    }
}

/// The documentation of a context's [`health`], with an example.
pub fn operation(key: &'static str, id: &'static str, example: Value) -> Operation {
    Operation::new(key, id, "How one context is")
        .ok::<OneContext<'_>>("It works, if maybe not all of it.", example.clone())
        .answer::<OneContext<'_>>(503, "A part of it does not work.", example)
}

/// An example of what the [`health`] of a context answers that has a table and these consumers.
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
    fn only_what_is_down_is_unavailable() {
        assert_eq!([Status::Up, Status::Degraded, Status::Down].map(status_code), [200, 200, 503]);
    }
}
