//! The health of the contexts: calls the health route of each over HTTP, all at once.

use std::time::Duration;

use futures::future::join_all;
use lambda::{Error, call_limit, health::ContextHealth, https};
use serde_json::Value;
use tokio::time::timeout;

use crate::routes::contexts_with_health;

/// How long a context may take. A context waits for AWS for at most four seconds (two calls in sequence), so that it
/// can report which of its parts does not respond.
const LIMIT: Duration = Duration::from_secs(5);

/// The health routes of all contexts.
pub struct Contexts {
    /// The base of the URLs: `https://…/api/v1`.
    url: String,
}

impl Contexts {
    /// Creates the contexts with routes below `url`.
    pub fn at(url: String) -> Self {
        Self { url: url.trim_end_matches('/').to_owned() }
    }

    /// Returns the health of every context but `own`. Contexts that are not deployed are left out.
    pub async fn check(&self, own: &str) -> Vec<(&'static str, ContextHealth)> {
        let others = contexts_with_health().filter(|context| *context != own);
        let checks = others.map(async |context| {
            let url = format!("{}/health/{context}", self.url);
            let response = timeout(call_limit(LIMIT), https::get(&url)).await;
            let response = response.unwrap_or_else(|_| Err("it did not respond in time".into()));
            Some((context, health_from(context, response)?))
        });
        join_all(checks).await.into_iter().flatten().collect()
    }
}

/// Returns the health of a context from its response, or nothing if the context is not deployed: the fallback of the
/// shop responds then. A 404 of API Gateway itself means that something is wrong with the routes. A response that
/// cannot be read is logged and means `down`.
fn health_from(context: &str, response: Result<(u16, Vec<u8>), Error>) -> Option<ContextHealth> {
    let health = match response {
        Ok((404, body)) if is_from_fallback(&body) => return None,
        Ok((429, _)) => return Some(ContextHealth::busy()),
        Ok((200 | 503, body)) => serde_json::from_slice(&body).map_err(Into::into),
        Ok((status, _)) => Err(format!("the response has the status {status}").into()),
        Err(error) => Err(error),
    };
    Some(health.unwrap_or_else(|error: Error| {
        tracing::error!(context, %error, "the health of a context could not be read");
        ContextHealth::unknown()
    }))
}

fn is_from_fallback(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body).is_ok_and(|problem| problem["code"] == "not_found")
}

#[cfg(test)]
mod tests {
    use lambda::health::Status;
    use serde_json::json;

    use super::*;

    fn health_of(status: u16, body: &str) -> Option<Value> {
        let health = health_from("orders", Ok((status, body.as_bytes().to_vec())))?;
        Some(serde_json::to_value(health).expect("JSON"))
    }

    fn down() -> Option<Value> {
        Some(json!({ "status": "down" }))
    }

    #[test]
    fn the_report_of_a_context_is_used_unchanged_even_if_it_is_down() {
        let queue =
            json!({ "name": "Start", "status": "down", "waiting": null, "in_flight": null, "dead_letters": null });
        let health = json!({ "status": "down", "table": { "status": "up" }, "queues": [queue] });
        let mut body = health.clone();
        body["name"] = json!("orders");
        body["checked_at"] = json!("2026-11-21T06:30:31.000Z");
        for status in [200, 503] {
            assert_eq!(health_of(status, &body.to_string()), Some(health.clone()), "{status}");
        }
        assert_eq!(health_of(200, r#"{ "status": "degraded" }"#), Some(json!({ "status": "degraded" })));
    }

    #[test]
    fn a_context_that_is_not_deployed_is_left_out() {
        assert_eq!(health_of(404, r#"{ "status": 404, "code": "not_found" }"#), None);
    }

    #[test]
    fn a_context_that_is_throttled_is_not_down() {
        let busy = health_of(429, r#"{ "message": "Too Many Requests" }"#);
        assert_eq!(busy, Some(json!({ "status": "degraded" })));
    }

    #[test]
    fn a_context_without_a_readable_report_is_down() {
        for (status, body) in [
            (200, ""),
            (200, "<html>"),
            (200, "{}"),
            (503, r#"{ "message": "Service Unavailable" }"#),
            (500, r#"{ "status": 500, "code": "internal_error" }"#),
            (500, r#"{ "status": "up" }"#),
            (404, r#"{ "message": "Not Found" }"#),
            (404, ""),
            (403, r#"{ "message": "Forbidden" }"#),
            (302, ""),
        ] {
            assert_eq!(health_of(status, body), down(), "{status} {body}");
        }
        let silent = health_from("orders", Err("it did not respond in time".into())).expect("a health");
        assert_eq!(silent.status, Status::Down);
    }

    #[tokio::test]
    async fn contexts_that_do_not_respond_are_down() {
        // Nothing listens on this port.
        let found = Contexts::at("http://127.0.0.1:1/api/v1/".to_owned()).check("gateway").await;
        assert_eq!(found.len(), contexts_with_health().count() - 1);
        assert!(found.iter().all(|(name, health)| *name != "gateway" && *health == ContextHealth::unknown()));
    }
}
