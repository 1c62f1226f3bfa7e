//! The health of the shop: what each context says of itself, and the events that could not be published.
//!
//! Anybody may ask, so an environment asks the contexts at most once in some seconds.

mod contexts;

use aws_config::SdkConfig;
use lambda::{
    Error, env,
    health::{self, CHECKED_AT, ContextHealth, Kept, Queues, Report},
    http::{Reply, Request},
    openapi::Operation,
};
use serde_json::json;

use contexts::Contexts;

/// The context that answers.
const OWN: &str = "gateway";

/// The route of its own health.
const OWN_ROUTE: &str = "GET /api/v1/health/gateway";

/// Asks how the contexts are, and keeps what it learned for a moment.
pub struct Health {
    own: health::Health,
    contexts: Contexts,
    queues: Queues,
    /// The URL of the queue of unpublished events.
    unpublished: String,
    kept: Kept,
}

impl Health {
    /// Over the environment's one configuration, the base of the API's URLs (`API_URL`) and the queue of unpublished events
    /// (`UNPUBLISHED_QUEUE_URL`).
    ///
    /// # Errors
    /// When a variable is missing or not in its form.
    pub fn connect(config: &SdkConfig) -> Result<Self, Error> {
        Ok(Self {
            own: health::Health::connect(config, OWN)?,
            contexts: Contexts::at(env("API_URL")?),
            queues: Queues::connect(config),
            unpublished: env("UNPUBLISHED_QUEUE_URL")?,
            kept: Kept::default(),
        })
    }
}

/// `GET /health` and `/api/v1/health`: how all contexts are; `GET /api/v1/health/gateway`: how this one is. 200 when it works, 503 when
/// it does not.
pub async fn health(health: &Health, request: &Request) -> Reply {
    if request.route() == OWN_ROUTE {
        return health::health(&health.own, request).await;
    }
    let looked = async {
        let own = health.own.look(async { None });
        let (own, contexts, unpublished) =
            futures::join!(own, health.contexts.ask(OWN), health.queues.depth(&health.unpublished));
        let contexts = contexts.into_iter().chain([(OWN, own)]);
        let contexts = contexts.map(|(name, health): (&str, ContextHealth)| (name.to_owned(), health)).collect();
        let report = Report::new(request.now, contexts, unpublished);
        health::reply(&report, report.status)
    };
    health.kept.or_else(request.now, looked).await
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
        "checked_at": CHECKED_AT,
        "contexts": { "gateway": { "status": "up" }, "orders": orders, "payments": payments },
        "unpublished": { "status": "up", "count": 0 },
    });
    let all = Operation::new("GET /api/v1/health", "getHealth", "How the shop is")
        .also("GET /health", "getHealthAtRoot")
        .describe("Each context's table, queues and dead letters, whether the payment provider is asked, and the events that could not be published; \
             at most five seconds old.")
        .ok::<Report>("It works, if maybe not all of it.", report.clone())
        .answer::<Report>(503, "A part of it does not work.", report);
    let own = json!({ "name": OWN, "checked_at": CHECKED_AT, "status": "up" });
    [all, health::operation(OWN_ROUTE, "getGatewayHealth", own)]
}
