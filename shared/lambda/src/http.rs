//! HTTP functions. They respond to every request of API Gateway with a response or a problem, and never fail the
//! invocation.

use std::{cell::Cell, collections::HashMap, net::IpAddr, panic::AssertUnwindSafe, str::FromStr, time::Instant};

use aws_lambda_events::{
    apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse},
    encodings::Body,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use contracts::{Cause, Role};
use dynamo::{IdempotencyKey, StoredResponse};
use futures::FutureExt;
use kernel::{CorrelationId, Invalid, SessionId, Timestamp, TraceParent, UserId};
use lambda_runtime::{LambdaEvent, Runtime, service_fn};
use serde::Serialize;
use serde_json::Value;
use tracing::Instrument;

use crate::{
    Error,
    input::{self, Fields},
    limit::{Limiter, Quota},
    policy::{self, Access, Route},
    problem::{FieldError, Problem},
};

/// The result of a handler.
pub type Reply = Result<Response, Problem>;

/// The maximum size of a request body, in bytes.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// The caller, as identified by the authorizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// The user.
    pub user_id: UserId,
    /// The user's role.
    pub role: Role,
    /// The session of the access token.
    pub session_id: SessionId,
}

impl Caller {
    /// Reads the caller from the context that an authorizer returned.
    pub(crate) fn of(fields: &HashMap<String, Value>) -> Option<Self> {
        let text = |name: &str| fields.get(name)?.as_str();
        Some(Self {
            user_id: text("user_id")?.parse().ok()?,
            role: serde_json::from_value(fields.get("role")?.clone()).ok()?,
            session_id: text("session_id")?.parse().ok()?,
        })
    }

    /// Returns whether the caller is an administrator.
    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }
}

/// An HTTP request.
#[derive(Debug)]
pub struct Request {
    /// The time of the request. The clock is read only once per request.
    pub now: Timestamp,
    event: ApiGatewayV2httpRequest,
    caller: Option<Caller>,
    correlation_id: CorrelationId,
    traceparent: TraceParent,
    started: Instant,
    quota: Cell<Option<Quota>>,
}

/// A response that is not a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Body,
}

/// Serves one endpoint until the environment ends. `routes` are those of its context: a request of any other route is
/// rejected.
///
/// # Errors
/// If the Lambda runtime API does not respond.
pub async fn serve<S>(routes: &[Route], context: S, handler: impl AsyncFn(&S, &Request) -> Reply) -> Result<(), Error> {
    run(routes, None, context, handler).await
}

/// Serves one endpoint as [`serve`] does, with a rate limit.
///
/// # Errors
/// If the Lambda runtime API does not respond.
pub async fn serve_limited<S>(
    routes: &[Route],
    limiter: Limiter,
    context: S,
    handler: impl AsyncFn(&S, &Request) -> Reply,
) -> Result<(), Error> {
    run(routes, Some(limiter), context, handler).await
}

async fn run<S>(
    routes: &[Route],
    limiter: Option<Limiter>,
    context: S,
    handler: impl AsyncFn(&S, &Request) -> Reply,
) -> Result<(), Error> {
    let service = service_fn(|event: LambdaEvent<ApiGatewayV2httpRequest>| {
        // Boxed, because the futures of the SDK nest too deeply for the compiler.
        respond(routes, limiter.as_ref(), &context, &handler, event.payload).map(Ok::<_, Error>).boxed_local()
    });
    Runtime::new(service).run().await
}

async fn respond<S>(
    routes: &[Route],
    limiter: Option<&Limiter>,
    context: &S,
    handler: &impl AsyncFn(&S, &Request) -> Reply,
    event: ApiGatewayV2httpRequest,
) -> ApiGatewayV2httpResponse {
    let request = Request::new(event);
    let span = tracing::info_span!("request", correlation_id = %request.correlation_id, route = request.route());
    async {
        let handling = async {
            let request = request.authorize(routes)?;
            if let Some(limiter) = limiter {
                limiter.take(request).await?;
            }
            handler(context, request).await
        };
        let reply = AssertUnwindSafe(handling).catch_unwind().await.unwrap_or_else(|_| {
            tracing::error!("the handler panicked");
            Err(Problem::internal())
        });
        let response = reply.unwrap_or_else(|problem| problem_response(&problem, &request));
        tracing::info!(
            status = response.status,
            duration_ms = request.elapsed_ms(),
            user_id = request.caller.map(|caller| caller.user_id.to_string()),
            "responded"
        );
        response.into_gateway_response(&request)
    }
    .instrument(span)
    .await
}

fn problem_response(problem: &Problem, request: &Request) -> Response {
    let body = problem.to_json(request.correlation_id.as_str()).to_string();
    let mut response = Response::new(problem.status, body).header("content-type", "application/problem+json");
    if problem.status == 401 {
        response = response.header("www-authenticate", "Bearer");
    }
    for (name, value) in &problem.headers {
        response = response.header(name, value);
    }
    response
}

impl Request {
    pub(crate) fn new(event: ApiGatewayV2httpRequest) -> Self {
        let header = |name| event.headers.get(name).and_then(|value| value.to_str().ok());
        let parent: Option<TraceParent> = header("traceparent").and_then(|text| text.parse().ok());
        Self {
            now: Timestamp::now(),
            correlation_id: header("x-correlation-id").and_then(|text| text.parse().ok()).unwrap_or_default(),
            traceparent: parent.map(|parent| parent.next()).unwrap_or_default(),
            caller: caller(&event),
            started: Instant::now(),
            quota: Cell::new(None),
            event,
        }
    }

    /// Returns the key of the route that API Gateway selected, such as `POST /api/v1/orders`.
    pub fn route(&self) -> &str {
        self.event.route_key.as_deref().unwrap_or_default()
    }

    /// Returns this request if the policy allows the caller to use the route.
    fn authorize(&self, routes: &[Route]) -> Result<&Self, Problem> {
        let Some(route) = routes.iter().find(|route| route.key == self.route()) else {
            tracing::error!("the route is not in the policy table of this context");
            return Err(Problem::not_found("route"));
        };
        if policy::allows(route.access, self.caller.map(|caller| caller.role)) {
            if route.access == Access::Owner { self.authorize_owner() } else { Ok(self) }
        } else if self.caller.is_some() {
            Err(forbidden())
        } else {
            Err(unauthorized())
        }
    }

    /// Returns this request unless its path names another user. The owner of an order, for example, is checked by the
    /// use case.
    fn authorize_owner(&self) -> Result<&Self, Problem> {
        let caller = self.caller()?;
        let is_other_user =
            self.event.path_parameters.get("user_id").is_some_and(|id| id.parse() != Ok(caller.user_id));
        if is_other_user && !caller.is_admin() { Err(Problem::not_found("user")) } else { Ok(self) }
    }

    /// Returns the caller.
    ///
    /// # Errors
    /// 401 without a valid access token.
    pub fn caller(&self) -> Result<Caller, Problem> {
        self.caller.ok_or_else(unauthorized)
    }

    /// Returns the method, such as `GET`.
    pub fn method(&self) -> &str {
        self.event.request_context.http.method.as_str()
    }

    /// Returns the whole path. API Gateway decodes it, except `%25`.
    pub fn raw_path(&self) -> &str {
        self.event.raw_path.as_deref().unwrap_or_default()
    }

    /// Returns the query as it was sent, without the question mark.
    pub fn raw_query(&self) -> &str {
        self.event.raw_query_string.as_deref().unwrap_or_default()
    }

    /// Returns a path parameter, if the route has it.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.event.path_parameters.get(name).map(String::as_str)
    }

    /// Returns the id in the path.
    ///
    /// # Errors
    /// 404 for `what` if the parameter is not an id, because nothing has it.
    pub fn id<T: FromStr>(&self, name: &str, what: &str) -> Result<T, Problem> {
        self.parameter(name).unwrap_or_default().parse().map_err(|_| Problem::not_found(what))
    }

    /// Returns a query parameter, if it is present. Repeated parameters are joined with commas, as API Gateway does.
    pub fn query(&self, name: &str) -> Option<String> {
        Some(self.event.query_string_parameters.all(name)?.join(","))
    }

    /// Parses a query parameter, if it is present.
    ///
    /// # Errors
    /// 422 if it is invalid.
    pub fn parsed_query<T: FromStr<Err = Invalid>>(&self, name: &str) -> Result<Option<T>, Problem> {
        let parsed = self.query(name).map(|text| text.parse()).transpose();
        parsed.map_err(|invalid| Problem::validation(vec![FieldError::new(name, invalid)]))
    }

    /// Returns the maximum number of entries of a list: `?limit=` from 1 to 100, or 20 by default.
    ///
    /// # Errors
    /// 422 if it is invalid.
    pub fn limit(&self) -> Result<usize, Problem> {
        let Some(text) = self.query("limit") else {
            return Ok(20);
        };
        text.parse().ok().filter(|limit| (1..=100).contains(limit)).ok_or_else(|| {
            let invalid = Invalid::new("out_of_range", "must be a whole number from 1 to 100");
            Problem::validation(vec![FieldError::new("limit", invalid)])
        })
    }

    /// Reads the body, which is a JSON object, field by field.
    ///
    /// # Errors
    /// 413 if it is too large, 400 if it is not JSON, 422 with all invalid fields.
    pub fn body<T>(&self, read: impl FnOnce(&Fields<'_>) -> Option<T>) -> Result<T, Problem> {
        input::read_object(&self.json()?, read)
    }

    fn json(&self) -> Result<Value, Problem> {
        serde_json::from_slice(&self.bytes()?).map_err(|error| malformed(error.line(), error.column()))
    }

    /// Returns the body as it was sent.
    ///
    /// # Errors
    /// 413 if it is too large.
    pub fn bytes(&self) -> Result<Vec<u8>, Problem> {
        let text = self.event.body.as_deref().unwrap_or_default();
        let bytes = if self.event.is_base64_encoded {
            BASE64_STANDARD.decode(text).map_err(|_| malformed(1, 1))?
        } else {
            text.as_bytes().to_vec()
        };
        if bytes.len() > MAX_BODY_BYTES {
            return Err(too_large());
        }
        Ok(bytes)
    }

    /// Returns a header, if it is present and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.event.headers.get(name)?.to_str().ok()
    }

    /// Returns the `Idempotency-Key` of the request, if it has one.
    ///
    /// `body` is what must be the same in every request with the key, without secrets.
    ///
    /// # Errors
    /// 422 if the key is not 1 to 255 visible ASCII characters.
    pub fn idempotency_key(&self, body: &impl Serialize) -> Result<Option<IdempotencyKey>, Problem> {
        self.idempotency_key_of("anyone", body)
    }

    /// Returns the `Idempotency-Key` of a request whose caller may be anonymous. `scope` distinguishes anonymous
    /// callers.
    ///
    /// # Errors
    /// 422 if the key is not 1 to 255 visible ASCII characters.
    pub fn idempotency_key_of(&self, scope: &str, body: &impl Serialize) -> Result<Option<IdempotencyKey>, Problem> {
        let Some(key) = self.event.headers.get("idempotency-key") else {
            return Ok(None);
        };
        let key =
            key.to_str().ok().filter(|key| (1..=255).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic()));
        let key = key.ok_or_else(|| {
            let invalid = Invalid::new("out_of_range", "must be 1 to 255 visible ASCII characters");
            Problem::validation(vec![FieldError::new("Idempotency-Key", invalid)])
        })?;
        let body = serde_json::to_string(body).map_err(|error| {
            tracing::error!(%error, "a request cannot be serialized");
            Problem::internal()
        })?;
        let scope = self.caller.map_or_else(|| scope.to_owned(), |caller| caller.user_id.to_string());
        Ok(Some(IdempotencyKey::new(&scope, key, &format!("{} {body}", self.route()))))
    }

    /// Returns whether `If-None-Match` (RFC 9110) has this `etag`. Weak tags match, too, because a CDN that compresses
    /// responses makes their tags weak.
    pub fn matches_if_none_match(&self, etag: &str) -> bool {
        self.etags("if-none-match").is_some_and(|tags| has_etag(&tags.replace("W/\"", "\""), etag))
    }

    /// Returns whether `If-Match` (RFC 9110) has this `etag`, or is missing.
    pub fn matches_if_match(&self, etag: &str) -> bool {
        self.etags("if-match").is_none_or(|tags| has_etag(&tags, etag))
    }

    fn etags(&self, header: &str) -> Option<String> {
        Some(self.event.headers.get(header)?.to_str().unwrap_or_default().to_owned())
    }

    /// Returns the address of the client: an IPv4 address, or the /64 network of an IPv6 address, because a client has
    /// all addresses of it.
    pub fn address(&self) -> String {
        let source = self.event.request_context.http.source_ip.as_deref().unwrap_or_default();
        match source.parse() {
            Ok(IpAddr::V6(address)) if address.to_ipv4_mapped().is_none() => {
                let [a, b, c, d, ..] = address.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
            _ => source.to_owned(),
        }
    }

    /// Sets the quota that the headers of the response report.
    pub(crate) fn set_quota(&self, quota: Quota) {
        self.quota.set(Some(quota));
    }

    /// Returns this request as the cause of events.
    pub fn cause(&self) -> Cause {
        Cause { correlation_id: self.correlation_id.clone(), traceparent: self.traceparent.clone(), causation_id: None }
    }

    /// Returns the milliseconds since the request started.
    pub fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Returns the caller, if the route has an authorizer and the token is valid.
fn caller(event: &ApiGatewayV2httpRequest) -> Option<Caller> {
    Caller::of(&event.request_context.authorizer.as_ref()?.fields)
}

pub(crate) fn unauthorized() -> Problem {
    Problem::new(401, "unauthorized", "This route needs a valid access token: Authorization: Bearer <token>.")
}

pub(crate) fn forbidden() -> Problem {
    Problem::new(403, "forbidden", "This route needs a role that the caller does not have.")
}

pub(crate) fn malformed(line: usize, column: usize) -> Problem {
    Problem::new(400, "malformed_json", format!("The body is not valid JSON: see line {line}, column {column}."))
}

pub(crate) fn too_large() -> Problem {
    Problem::new(413, "body_too_large", format!("The body is larger than {MAX_BODY_BYTES} bytes."))
}

impl Response {
    fn new(status: u16, body: impl Into<Body>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn into_gateway_response(self, request: &Request) -> ApiGatewayV2httpResponse {
        let mut response = ApiGatewayV2httpResponse::default();
        response.status_code = i64::from(self.status);
        let content_type = (!self.body.is_empty()).then(|| ("content-type", "application/json".to_owned()));
        let defaults = [
            ("cache-control", "no-store".to_owned()),
            ("x-correlation-id", request.correlation_id.to_string()),
            ("traceparent", request.traceparent.as_str().to_owned()),
        ];
        let quota = request.quota.get().map(quota_headers).into_iter().flatten();
        for (name, value) in defaults.into_iter().chain(content_type).chain(quota).chain(self.headers) {
            if let Ok(value) = value.parse() {
                response.headers.insert(name, value);
            }
        }
        response.is_base64_encoded = matches!(self.body, Body::Binary(_));
        response.body = Some(self.body);
        response
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

/// Returns whether a list of entity tags contains this one.
fn has_etag(tags: &str, etag: &str) -> bool {
    tags.split(',').map(str::trim).any(|tag| tag == "*" || tag == etag)
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

/// Responds with `status` and `body`, for failures that are not reported as a problem.
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
