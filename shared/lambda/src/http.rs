//! HTTP functions: an API Gateway request in, an answer or a problem out; never an error to the gateway.

use std::{cell::Cell, collections::HashMap, net::IpAddr, panic::AssertUnwindSafe, str::FromStr, time::Instant};

use aws_lambda_events::{
    apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse},
    encodings::Body,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use contracts::{Cause, Role};
use dynamo::{Answer, Claim};
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
    policy::{self, Access},
    problem::{FieldError, Problem},
};

/// What a handler gives back.
pub type Reply = Result<Response, Problem>;

/// The largest request body that is read, in bytes.
const MOST_BODY_BYTES: usize = 64 * 1024;

/// Who calls, as the authorizer found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// Their account.
    pub user_id: UserId,
    /// What they may do.
    pub role: Role,
    /// The login that the token came from.
    pub session_id: SessionId,
}

impl Caller {
    /// Who it is by what an authorizer tells.
    pub(crate) fn of(fields: &HashMap<String, Value>) -> Option<Self> {
        let text = |name: &str| fields.get(name)?.as_str();
        Some(Self {
            user_id: text("user_id")?.parse().ok()?,
            role: serde_json::from_value(fields.get("role")?.clone()).ok()?,
            session_id: text("session_id")?.parse().ok()?,
        })
    }

    /// Whether the caller runs the shop.
    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }
}

/// One request.
#[derive(Debug)]
pub struct Request {
    /// When it came; the one clock reading of its handling.
    pub now: Timestamp,
    event: ApiGatewayV2httpRequest,
    caller: Option<Caller>,
    correlation_id: CorrelationId,
    traceparent: TraceParent,
    started: Instant,
    quota: Cell<Option<Quota>>,
}

/// An answer that is not a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Body,
}

/// Serves one endpoint until the environment ends.
///
/// # Errors
/// When the runtime API is gone.
pub async fn serve<S>(context: S, handler: impl AsyncFn(&S, &Request) -> Reply) -> Result<(), Error> {
    run(None, context, handler).await
}

/// Serves one endpoint, each client only as often as `limiter` lets it.
///
/// # Errors
/// When the runtime API is gone.
pub async fn serve_limited<S>(
    limiter: Limiter,
    context: S,
    handler: impl AsyncFn(&S, &Request) -> Reply,
) -> Result<(), Error> {
    run(Some(limiter), context, handler).await
}

async fn run<S>(
    limiter: Option<Limiter>,
    context: S,
    handler: impl AsyncFn(&S, &Request) -> Reply,
) -> Result<(), Error> {
    let service = service_fn(|event: LambdaEvent<ApiGatewayV2httpRequest>| {
        // Boxed: the futures of the SDK nest deeper than the compiler likes to look.
        answer(limiter.as_ref(), &context, &handler, event.payload).map(Ok::<_, Error>).boxed_local()
    });
    Runtime::new(service).run().await
}

async fn answer<S>(
    limiter: Option<&Limiter>,
    context: &S,
    handler: &impl AsyncFn(&S, &Request) -> Reply,
    event: ApiGatewayV2httpRequest,
) -> ApiGatewayV2httpResponse {
    let request = Request::new(event);
    let span = tracing::info_span!("request", correlation_id = %request.correlation_id, route = request.route());
    async {
        let handled = async {
            let request = request.permitted()?;
            if let Some(limiter) = limiter {
                limiter.take(request).await?;
            }
            handler(context, request).await
        };
        let reply = AssertUnwindSafe(handled).catch_unwind().await.unwrap_or_else(|_| {
            tracing::error!("the handler panicked");
            Err(Problem::internal())
        });
        let response = reply.unwrap_or_else(|problem| problem_response(&problem, &request));
        tracing::info!(
            status = response.status,
            duration_ms = request.elapsed_ms(),
            user_id = request.caller.map(|caller| caller.user_id.to_string()),
            "answered"
        );
        response.for_gateway(&request)
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
        let taken: Option<TraceParent> = header("traceparent").and_then(|text| text.parse().ok());
        Self {
            now: Timestamp::now(),
            correlation_id: header("x-correlation-id").and_then(|text| text.parse().ok()).unwrap_or_default(),
            traceparent: taken.map(|parent| parent.next()).unwrap_or_default(),
            caller: caller(&event),
            started: Instant::now(),
            quota: Cell::new(None),
            event,
        }
    }

    /// The route that API Gateway took, as the policy table names it.
    pub fn route(&self) -> &str {
        self.event.route_key.as_deref().unwrap_or_default()
    }

    /// This request, if the policy lets its caller take this route.
    fn permitted(&self) -> Result<&Self, Problem> {
        let Some(route) = policy::find(self.route()) else {
            tracing::error!("the route is not in the policy table");
            return Err(Problem::not_found("route"));
        };
        if policy::allows(route.access, self.caller.map(|caller| caller.role)) {
            if route.access == Access::Owner { self.owned() } else { Ok(self) }
        } else if self.caller.is_some() {
            Err(forbidden())
        } else {
            Err(unauthorized())
        }
    }

    /// This request, unless its path names another user than the caller. Whose an order is, only the use case can say.
    fn owned(&self) -> Result<&Self, Problem> {
        let caller = self.caller()?;
        let of_another = self.event.path_parameters.get("user_id").is_some_and(|id| id.parse() != Ok(caller.user_id));
        if of_another && !caller.is_admin() { Err(Problem::not_found("user")) } else { Ok(self) }
    }

    /// Who calls.
    ///
    /// # Errors
    /// 401 without a valid access token.
    pub fn caller(&self) -> Result<Caller, Problem> {
        self.caller.ok_or_else(unauthorized)
    }

    /// The method: `GET`.
    pub fn method(&self) -> &str {
        self.event.request_context.http.method.as_str()
    }

    /// The whole path, as API Gateway hands it over: decoded, but for `%25`.
    pub fn raw_path(&self) -> &str {
        self.event.raw_path.as_deref().unwrap_or_default()
    }

    /// The query as it was sent, without its question mark.
    pub fn raw_query(&self) -> &str {
        self.event.raw_query_string.as_deref().unwrap_or_default()
    }

    /// A parameter of the path, if the route has it.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.event.path_parameters.get(name).map(String::as_str)
    }

    /// The id in the path; what is not an id names nothing.
    ///
    /// # Errors
    /// 404 for `what`.
    pub fn id<T: FromStr>(&self, name: &str, what: &str) -> Result<T, Problem> {
        self.parameter(name).unwrap_or_default().parse().map_err(|_| Problem::not_found(what))
    }

    /// A query parameter, if it is given. API Gateway joins repetitions with commas, and so does this: a comma in a
    /// value stays one.
    pub fn query(&self, name: &str) -> Option<String> {
        Some(self.event.query_string_parameters.all(name)?.join(","))
    }

    /// A query parameter that is parsed, if it is given.
    ///
    /// # Errors
    /// 422 that names it.
    pub fn parsed_query<T: FromStr<Err = Invalid>>(&self, name: &str) -> Result<Option<T>, Problem> {
        let parsed = self.query(name).map(|text| text.parse()).transpose();
        parsed.map_err(|invalid| Problem::validation(vec![FieldError::new(name, invalid)]))
    }

    /// How many entries a list may have: `?limit=` from 1 to 100, 20 if none is given.
    ///
    /// # Errors
    /// 422 that names it.
    pub fn limit(&self) -> Result<usize, Problem> {
        let Some(text) = self.query("limit") else {
            return Ok(20);
        };
        text.parse().ok().filter(|limit| (1..=100).contains(limit)).ok_or_else(|| {
            let invalid = Invalid::new("out_of_range", "must be a whole number from 1 to 100");
            Problem::validation(vec![FieldError::new("limit", invalid)])
        })
    }

    /// The body, a JSON object, read field by field.
    ///
    /// # Errors
    /// 413 when it is too large, 400 when it is not JSON, 422 that names every wrong field.
    pub fn body<T>(&self, read: impl FnOnce(&Fields<'_>) -> Option<T>) -> Result<T, Problem> {
        input::read_object(&self.json()?, read)
    }

    fn json(&self) -> Result<Value, Problem> {
        serde_json::from_slice(&self.bytes()?).map_err(|error| malformed(error.line(), error.column()))
    }

    /// The body as it was sent.
    ///
    /// # Errors
    /// 413 when it is too large.
    pub fn bytes(&self) -> Result<Vec<u8>, Problem> {
        let text = self.event.body.as_deref().unwrap_or_default();
        let bytes = if self.event.is_base64_encoded {
            BASE64_STANDARD.decode(text).map_err(|_| malformed(1, 1))?
        } else {
            text.as_bytes().to_vec()
        };
        if bytes.len() > MOST_BODY_BYTES {
            return Err(too_large());
        }
        Ok(bytes)
    }

    /// A header, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.event.headers.get(name)?.to_str().ok()
    }

    /// The caller's claim that this request is the same as any other with this `Idempotency-Key`, if it carries one.
    ///
    /// `body` is what has to be the same, without secrets.
    ///
    /// # Errors
    /// 422 when the key is not 1 to 255 visible ASCII characters.
    pub fn idempotency(&self, body: &impl Serialize) -> Result<Option<Claim>, Problem> {
        self.idempotency_of("anyone", body)
    }

    /// As [`Request::idempotency`], for a caller who may have no account: `whom` distinguishes anonymous callers.
    ///
    /// # Errors
    /// As there.
    pub fn idempotency_of(&self, whom: &str, body: &impl Serialize) -> Result<Option<Claim>, Problem> {
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
            tracing::error!(%error, "a request does not serialize");
            Problem::internal()
        })?;
        let scope = self.caller.map_or_else(|| whom.to_owned(), |caller| caller.user_id.to_string());
        Ok(Some(Claim::new(&scope, key, &format!("{} {body}", self.route()))))
    }

    /// Whether the caller has what has this `etag` (`If-None-Match`, RFC 9110). A CDN that compresses answers makes their tags weak.
    pub fn has_seen(&self, etag: &str) -> bool {
        self.tags("if-none-match").is_some_and(|tags| names(&tags.replace("W/\"", "\""), etag))
    }

    /// Whether the caller's change is of what has this `etag` (`If-Match`, RFC 9110), or of whatever is there.
    pub fn is_of(&self, etag: &str) -> bool {
        self.tags("if-match").is_none_or(|tags| names(&tags, etag))
    }

    fn tags(&self, header: &str) -> Option<String> {
        Some(self.event.headers.get(header)?.to_str().unwrap_or_default().to_owned())
    }

    /// Where the request comes from: an IPv4 address, or the network of an IPv6 one, of which a client has as many as it likes.
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

    /// Tells the client in the answer's headers what it has left.
    pub(crate) fn tell(&self, quota: Quota) {
        self.quota.set(Some(quota));
    }

    /// What events that follow from this request name as their cause.
    pub fn cause(&self) -> Cause {
        Cause { correlation_id: self.correlation_id.clone(), traceparent: self.traceparent.clone(), causation_id: None }
    }

    /// Milliseconds since the request came.
    pub fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// What the authorizer put into the request, if there is one on the route and the token was good.
fn caller(event: &ApiGatewayV2httpRequest) -> Option<Caller> {
    Caller::of(&event.request_context.authorizer.as_ref()?.fields)
}

pub(crate) fn unauthorized() -> Problem {
    Problem::new(401, "unauthorized", "This needs a valid access token: Authorization: Bearer <token>.")
}

pub(crate) fn forbidden() -> Problem {
    Problem::new(403, "forbidden", "This needs a role that the caller does not have.")
}

pub(crate) fn malformed(line: usize, column: usize) -> Problem {
    Problem::new(400, "malformed_json", format!("The body is not JSON: see line {line}, column {column}."))
}

pub(crate) fn too_large() -> Problem {
    Problem::new(413, "body_too_large", format!("The body is larger than {MOST_BODY_BYTES} bytes."))
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

    fn for_gateway(self, request: &Request) -> ApiGatewayV2httpResponse {
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

/// `RateLimit` and `RateLimit-Policy` of the IETF draft (draft-ietf-httpapi-ratelimit-headers), and the three names of its earlier
/// versions, which most clients still read.
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

/// Whether a list of entity tags names this one.
fn names(tags: &str, etag: &str) -> bool {
    tags.split(',').map(str::trim).any(|tag| tag == "*" || tag == etag)
}

/// 304: the caller has it.
pub fn not_modified(etag: String) -> Response {
    Response::new(304, String::new()).header("etag", etag)
}

/// 204, without a body.
pub fn no_content() -> Reply {
    Ok(Response::new(204, String::new()))
}

/// 200 with `body`.
///
/// # Errors
/// 500 when it does not serialize.
pub fn ok(body: &impl Serialize) -> Reply {
    with_status(200, body)
}

/// `body` with a status of its own, where a failure is told in another form than a problem.
///
/// # Errors
/// 500 when it does not serialize.
pub fn with_status(status: u16, body: &impl Serialize) -> Reply {
    Ok(Response::new(status, json_text(body)?))
}

/// 308: it is at `location`, for this method and for good.
///
/// # Errors
/// 500 when the body does not serialize.
pub fn moved(location: String) -> Reply {
    let body = json_text(&serde_json::json!({ "location": location }))?;
    Ok(Response::new(308, body).header("location", location))
}

/// 200 with something else than JSON: text, or bytes, which API Gateway gets in base64.
pub fn content(content_type: &'static str, body: impl Into<Body>) -> Response {
    Response::new(200, body).header("content-type", content_type)
}

/// What is answered to a creation: 201, `Location`, and `body`. It is stored with an idempotency key as it is.
///
/// # Errors
/// 500 when the body does not serialize.
pub fn created(location: String, body: &impl Serialize) -> Result<Answer, Problem> {
    Ok(Answer { status: 201, location: Some(location), body: json_text(body)? })
}

/// What is answered when something was begun and is not waited for: 202, where to look for it, and `body`. It is stored as [`created`]'s
/// is.
///
/// # Errors
/// 500 when the body does not serialize.
pub fn accepted(location: String, body: &impl Serialize) -> Result<Answer, Problem> {
    Ok(Answer { status: 202, location: Some(location), body: json_text(body)? })
}

/// As [`ok`], for an answer that is stored with an idempotency key.
///
/// # Errors
/// 500 when the body does not serialize.
pub fn answered(body: &impl Serialize) -> Result<Answer, Problem> {
    Ok(Answer { status: 200, location: None, body: json_text(body)? })
}

impl From<Answer> for Response {
    fn from(answer: Answer) -> Self {
        let response = Self::new(answer.status, answer.body);
        match answer.location {
            Some(location) => response.header("location", location),
            None => response,
        }
    }
}

/// `body` as JSON, for an answer that is kept as it is.
///
/// # Errors
/// 500 when it does not serialize.
pub fn json_text(body: &impl Serialize) -> Result<String, Problem> {
    serde_json::to_string(body).map_err(|error| {
        tracing::error!(%error, "an answer does not serialize");
        Problem::internal()
    })
}
