//! The responses of HTTP functions.

use std::{future::ready, pin::Pin};

use dynamo::StoredResponse;
use kernel::CorrelationId;
use lambda_http::{Body, IntoResponse, http};
use serde::Serialize;

use super::request::{Arrival, Quota};
use crate::problem::Problem;

/// The result of a handler.
pub type Reply = Result<Response, Problem>;

/// The response of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    pub(super) status: u16,
    headers: Vec<(&'static str, String)>,
    body: Body,
}

impl Response {
    /// Returns the response to a request that was rejected with a problem.
    pub(super) fn of_problem(problem: &Problem, correlation_id: &CorrelationId) -> Self {
        let body = problem.to_json(correlation_id.as_str()).to_string();
        let mut response = Self::new(problem.status, body).header("content-type", "application/problem+json");
        if problem.status == 401 {
            response = response.header("www-authenticate", "Bearer");
        }
        for (name, value) in &problem.headers {
            response = response.header(name, value);
        }
        response
    }

    fn new(status: u16, body: impl Into<Body>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Adds the headers that all responses have. Those of the handler replace them.
    pub(super) fn with_headers_of(mut self, arrival: &Arrival) -> Self {
        let content_type = (!self.body.is_empty()).then(|| ("content-type", "application/json".to_owned()));
        let defaults = [
            ("cache-control", "no-store".to_owned()),
            ("x-correlation-id", arrival.correlation_id.to_string()),
            ("traceparent", arrival.traceparent.as_str().to_owned()),
        ];
        let quota = arrival.quota().map(quota_headers).into_iter().flatten();
        self.headers = defaults.into_iter().chain(content_type).chain(quota).chain(self.headers).collect();
        self
    }
}

/// For a response of the `http` crate, `lambda_http` would guess from the headers whether its body is text.
impl IntoResponse for Response {
    fn into_response(self) -> Pin<Box<dyn Future<Output = http::Response<Body>> + Send>> {
        let mut response = http::Response::new(self.body);
        *response.status_mut() =
            http::StatusCode::from_u16(self.status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in self.headers {
            match value.parse() {
                // Of several values, the last one remains.
                Ok(value) => _ = response.headers_mut().insert(name, value),
                Err(_) => tracing::error!(name, "a header of the response is not valid"),
            }
        }
        Box::pin(ready(response))
    }
}

/// Returns `RateLimit` and `RateLimit-Policy` of the IETF draft (draft-ietf-httpapi-ratelimit-headers), and the three
/// headers of earlier drafts, which most clients still read.
fn quota_headers(quota: Quota) -> [(&'static str, String); 5] {
    let Quota { name, limit, window_seconds, remaining, reset_seconds } = quota;
    [
        ("ratelimit-policy", format!("\"{name}\";q={limit};w={window_seconds}")),
        ("ratelimit", format!("\"{name}\";r={remaining};t={reset_seconds}")),
        ("ratelimit-limit", limit.to_string()),
        ("ratelimit-remaining", remaining.to_string()),
        ("ratelimit-reset", reset_seconds.to_string()),
    ]
}

/// Responds with 304, because the caller has the current version.
pub fn not_modified(etag: String) -> Response {
    Response::new(304, String::new()).header("etag", etag)
}

/// Responds with 204 and no body.
pub fn no_content() -> Reply {
    Ok(Response::new(204, String::new()))
}

/// Responds with 200 and `body`.
///
/// # Errors
/// 500 if the body cannot be serialized.
pub fn ok(body: &impl Serialize) -> Reply {
    with_status(200, body)
}

/// Responds with `status` and `body`. A health check that fails has the status 503 and is not reported as a problem.
///
/// # Errors
/// 500 if the body cannot be serialized.
pub fn with_status(status: u16, body: &impl Serialize) -> Reply {
    Ok(Response::new(status, json_text(body)?))
}

/// Responds with 308, a permanent redirect to `location` that keeps the method.
///
/// # Errors
/// 500 if the body cannot be serialized.
pub fn redirect(location: String) -> Reply {
    let body = json_text(&serde_json::json!({ "location": location }))?;
    Ok(Response::new(308, body).header("location", location))
}

/// Responds with 200 and a body that is not JSON: text, or bytes, which API Gateway gets in base64.
pub fn content(content_type: &'static str, body: impl Into<Body>) -> Response {
    Response::new(200, body).header("content-type", content_type)
}

/// Returns the response to a creation: 201 with `Location` and `body`. It can be stored with an idempotency key.
///
/// # Errors
/// 500 if the body cannot be serialized.
pub fn created(location: String, body: &impl Serialize) -> Result<StoredResponse, Problem> {
    Ok(StoredResponse { status: 201, location: Some(location), body: json_text(body)? })
}

/// Returns the response to work that continues in the background: 202 with the `Location` of its result and `body`. It
/// can be stored with an idempotency key.
///
/// # Errors
/// 500 if the body cannot be serialized.
pub fn accepted(location: String, body: &impl Serialize) -> Result<StoredResponse, Problem> {
    Ok(StoredResponse { status: 202, location: Some(location), body: json_text(body)? })
}

/// Returns the response 200 with `body`, as [`ok`] does, to be stored with an idempotency key.
///
/// # Errors
/// 500 if the body cannot be serialized.
pub fn stored_ok(body: &impl Serialize) -> Result<StoredResponse, Problem> {
    Ok(StoredResponse { status: 200, location: None, body: json_text(body)? })
}

impl From<StoredResponse> for Response {
    fn from(stored: StoredResponse) -> Self {
        let response = Self::new(stored.status, stored.body);
        match stored.location {
            Some(location) => response.header("location", location),
            None => response,
        }
    }
}

/// Serializes `body` to the JSON text of a response.
///
/// # Errors
/// 500 if the body cannot be serialized.
pub fn json_text(body: &impl Serialize) -> Result<String, Problem> {
    serde_json::to_string(body).map_err(|error| {
        tracing::error!(%error, "a response cannot be serialized");
        Problem::internal()
    })
}
