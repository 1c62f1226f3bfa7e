//! The health of the shop: the report of each context, and the number of events that could not be published.
//!
//! The route is public, so an environment calls the contexts at most once in five seconds.

mod contexts;

use aws_config::SdkConfig;
use lambda::{
    Error, env,
    health::{self, CHECKED_AT, Cached, ContextHealth, Queues, Report},
    http::{ApiRequest, Reply, Request},
    openapi::Operation,
    policy::{Access, Route},
};
use serde_json::json;

use contexts::Contexts;

/// The name of this context.
const OWN: &str = "gateway";

/// Checks the contexts, and caches the report for five seconds.
pub struct Health {
    own: health::Health,
    contexts: Contexts,
    queues: Queues,
    /// The URL of the queue of unpublished events.
    unpublished: String,
    cached: Cached,
}

impl Health {
    /// Creates the check with the base of the API's URLs (`API_URL`) and the queue of unpublished events
    /// (`UNPUBLISHED_QUEUE_URL`).
    ///
    /// # Errors
    /// If a variable is missing or malformed.
    pub fn connect(config: &SdkConfig) -> Result<Self, Error> {
        Ok(Self {
            own: health::Health::connect(config, OWN)?,
            contexts: Contexts::at(env("API_URL")?),
            queues: Queues::connect(config),
            unpublished: env("UNPUBLISHED_QUEUE_URL")?,
            cached: Cached::default(),
        })
    }
}

pub(crate) const GET_HEALTH: Route = Route::new("GET /api/v1/health", Access::Anyone);
pub(crate) const GET_HEALTH_AT_ROOT: Route = Route::new("GET /health", Access::Anyone);
pub(crate) const GET_GATEWAY_HEALTH: Route = Route::new("GET /api/v1/health/gateway", Access::Anyone);

/// `GET /health` and `/api/v1/health`: returns the health of all contexts. `GET /api/v1/health/gateway`: returns the
/// health of this one. It responds with 503 if a part is down.
pub async fn health(health: &Health, request: Request) -> Reply {
    if request.route() == GET_GATEWAY_HEALTH.key {
        return health::health(&health.own, request).await;
    }
    let checked = async {
        let own = health.own.check(async { None });
        let (own, contexts, unpublished) =
            futures::join!(own, health.contexts.check(OWN), health.queues.depth(&health.unpublished));
        let contexts = contexts.into_iter().chain([(OWN, own)]);
        let contexts = contexts.map(|(name, health): (&str, ContextHealth)| (name.to_owned(), health)).collect();
        let report = Report::new(request.now(), contexts, unpublished);
        health::reply(&report, report.status)
    };
    health.cached.get_or(request.now(), checked).await
}

/// Describes the endpoints in the OpenAPI document.
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
    let all = Operation::new(GET_HEALTH, "getHealth", "Get the health of the shop")
        .also(GET_HEALTH_AT_ROOT, "getHealthAtRoot")
        .describe(
            "Contains the table, the queues and the dead letters of each context, the circuit of the payment provider, \
             and the number of events that could not be published. The report of a context is at most five seconds \
             old, the report of the shop at most ten.",
        )
        .ok::<Report>("The shop is up or degraded.", report.clone())
        .response::<Report>(503, "A part of the shop is down.", report);
    let own = json!({ "name": OWN, "checked_at": CHECKED_AT, "status": "up" });
    [all, health::operation(GET_GATEWAY_HEALTH, "getGatewayHealth", own)]
}
