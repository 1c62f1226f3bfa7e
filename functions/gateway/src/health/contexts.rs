//! The questions to the contexts: each is asked at its own health route, over HTTP, and all of them at once.

use std::time::Duration;

use futures::future::join_all;
use lambda::{Error, call_limit, health::ContextHealth, https, policy};
use serde_json::Value;
use tokio::time::timeout;

/// How long a context may take. A context waits for at most four seconds, two answers of AWS one after the other, so that it can say which of
/// its parts does not answer.
const LIMIT: Duration = Duration::from_secs(5);

/// The health routes of all contexts.
pub struct Contexts {
    /// What their URLs begin with: `https://…/api/v1`.
    url: String,
}

impl Contexts {
    /// Those whose routes begin with `url`.
    pub fn at(url: String) -> Self {
        Self { url: url.trim_end_matches('/').to_owned() }
    }

    /// The health of every context but `own`; those that this shop does not have are left out.
    pub async fn ask(&self, own: &str) -> Vec<(&'static str, ContextHealth)> {
        let others = policy::with_health().filter(|context| *context != own);
        let asked = others.map(async |context| {
            let url = format!("{}/health/{context}", self.url);
            let answer = timeout(call_limit(LIMIT), https::get(&url)).await;
            let answer = answer.unwrap_or_else(|_| Err("it did not answer in time".into()));
            Some((context, said(context, answer)?))
        });
        join_all(asked).await.into_iter().flatten().collect()
    }
}

/// What the answer of a context says of it; nothing, if there is no such context: then the shop's own fallback answers. A 404 that API
/// Gateway makes itself says that something is wrong with the routes. What cannot be read is logged here, and is down.
fn said(context: &str, answer: Result<(u16, Vec<u8>), Error>) -> Option<ContextHealth> {
    let health = match answer {
        Ok((404, body)) if is_of_the_fallback(&body) => return None,
        Ok((429, _)) => return Some(ContextHealth::busy()),
        Ok((200 | 503, body)) => serde_json::from_slice(&body).map_err(Into::into),
        Ok((status, _)) => Err(format!("the answer has the status {status}").into()),
        Err(error) => Err(error),
    };
    Some(health.unwrap_or_else(|error: Error| {
        tracing::error!(context, %error, "a context does not say how it is");
        ContextHealth::unknown()
    }))
}

fn is_of_the_fallback(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body).is_ok_and(|problem| problem["code"] == "not_found")
}

#[cfg(test)]
mod tests {
    use lambda::health::Status;
    use serde_json::json;

    use super::*;

    fn said_with(status: u16, body: &str) -> Option<Value> {
        let health = said("orders", Ok((status, body.as_bytes().to_vec())))?;
        Some(serde_json::to_value(health).expect("JSON"))
    }

    fn down() -> Option<Value> {
        Some(json!({ "status": "down" }))
    }

    #[test]
    fn what_a_context_says_of_itself_is_taken_as_it_is_even_when_it_is_down() {
        let queue =
            json!({ "name": "Start", "status": "down", "waiting": null, "in_flight": null, "dead_letters": null });
        let health = json!({ "status": "down", "table": { "status": "up" }, "queues": [queue] });
        let mut body = health.clone();
        body["name"] = json!("orders");
        body["checked_at"] = json!("2026-11-21T06:30:31.000Z");
        for status in [200, 503] {
            assert_eq!(said_with(status, &body.to_string()), Some(health.clone()), "{status}");
        }
        assert_eq!(said_with(200, r#"{ "status": "degraded" }"#), Some(json!({ "status": "degraded" })));
    }

    #[test]
    fn a_context_that_is_not_deployed_is_left_out() {
        assert_eq!(said_with(404, r#"{ "status": 404, "code": "not_found" }"#), None);
    }

    #[test]
    fn a_context_that_is_called_too_often_is_not_down() {
        let busy = said_with(429, r#"{ "message": "Too Many Requests" }"#);
        assert_eq!(busy, Some(json!({ "status": "degraded" })));
    }

    #[test]
    fn a_context_that_does_not_say_how_it_is_is_down() {
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
            assert_eq!(said_with(status, body), down(), "{status} {body}");
        }
        let silent = said("orders", Err("it did not answer in time".into())).expect("a health");
        assert_eq!(silent.status, Status::Down);
    }

    #[tokio::test]
    async fn contexts_that_nobody_answers_for_are_down() {
        // Nothing listens there.
        let asked = Contexts::at("http://127.0.0.1:1/api/v1/".to_owned()).ask("gateway").await;
        assert_eq!(asked.len(), policy::with_health().count() - 1);
        assert!(asked.iter().all(|(name, health)| *name != "gateway" && *health == ContextHealth::unknown()));
    }
}
