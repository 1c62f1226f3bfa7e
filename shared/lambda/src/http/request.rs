//! The request of an HTTP function, and its caller.

use std::{
    collections::HashMap,
    net::IpAddr,
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use aws_lambda_events::apigw::ApiGatewayV2httpRequestContext;
use contracts::{Cause, Role};
use deserr::Deserr;
use dynamo::IdempotencyKey;
use kernel::{CorrelationId, Invalid, SessionId, Timestamp, TraceParent, UserId};
use lambda_http::{Request, RequestExt, http::HeaderMap, request::RequestContext};
use serde::Serialize;
use serde_json::Value;

use crate::{
    input::{self, InvalidFields, Rules},
    policy::{self, Access, Route},
    problem::Problem,
};

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

/// The quota of a client, for the headers of the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    pub(crate) name: &'static str,
    pub(crate) limit: i64,
    pub(crate) window_seconds: i64,
    pub(crate) remaining: i64,
    /// The seconds until the bucket is full again.
    pub(crate) reset_seconds: i64,
}

/// When a request arrived, and what is known of it since. It is in the extensions of the request.
#[derive(Debug, Clone)]
pub(super) struct Arrival {
    now: Timestamp,
    instant: Instant,
    pub(super) correlation_id: CorrelationId,
    pub(super) traceparent: TraceParent,
    quota: Arc<Mutex<Option<Quota>>>,
}

impl Arrival {
    /// Returns the arrival of a request that has these headers and arrives now.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let parent: Option<TraceParent> = header("traceparent").and_then(|text| text.parse().ok());
        Self {
            now: Timestamp::now(),
            instant: Instant::now(),
            correlation_id: header("x-correlation-id").and_then(|text| text.parse().ok()).unwrap_or_default(),
            traceparent: parent.map(|parent| parent.next()).unwrap_or_default(),
            quota: Arc::default(),
        }
    }

    /// Returns the milliseconds since the request arrived.
    pub(super) fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.instant.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Returns the quota that the headers of the response report.
    pub(super) fn quota(&self) -> Option<Quota> {
        *self.quota.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What handlers ask of a request, in addition to what [`lambda_http::RequestExt`] has.
pub trait ApiRequest {
    /// Returns the request itself.
    fn request(&self) -> &Request;

    /// Returns the time at which the request arrived. The clock is read only once per request.
    fn now(&self) -> Timestamp {
        arrival(self.request()).map_or_else(Timestamp::now, |arrival| arrival.now)
    }

    /// Returns the key of the route that API Gateway selected, such as `POST /api/v1/orders`.
    fn route(&self) -> &str {
        gateway_context(self.request()).and_then(|context| context.route_key.as_deref()).unwrap_or_default()
    }

    /// Returns the caller.
    ///
    /// # Errors
    /// 401 without a valid access token.
    fn caller(&self) -> Result<Caller, Problem> {
        let context = gateway_context(self.request()).and_then(|context| context.authorizer.as_ref());
        context.and_then(|authorizer| Caller::of(&authorizer.fields)).ok_or_else(unauthorized)
    }

    /// Returns the whole path. API Gateway decodes it, except `%25`.
    fn raw_path(&self) -> &str {
        self.request().raw_http_path()
    }

    /// Returns the query, percent-encoded and without the question mark.
    fn raw_query(&self) -> &str {
        self.request().uri().query().unwrap_or_default()
    }

    /// Returns a path parameter, if the route has it.
    fn path_parameter(&self, name: &str) -> Option<&str> {
        self.request().path_parameters_ref()?.first(name)
    }

    /// Returns the id in the path.
    ///
    /// # Errors
    /// 404 for `what` if the parameter is not an id, because nothing has it.
    fn id<T: FromStr>(&self, name: &str, what: &str) -> Result<T, Problem> {
        self.path_parameter(name).unwrap_or_default().parse().map_err(|_| Problem::not_found(what))
    }

    /// Returns a query parameter, if it is present. Repeated parameters are joined with commas, as API Gateway does,
    /// and a comma within a value stays one.
    fn query(&self, name: &str) -> Option<String> {
        Some(self.request().query_string_parameters_ref()?.all(name)?.join(","))
    }

    /// Parses a query parameter, if it is present.
    ///
    /// # Errors
    /// 422 if it is invalid.
    fn parsed_query<T: FromStr<Err = Invalid>>(&self, name: &str) -> Result<Option<T>, Problem> {
        let parsed = self.query(name).map(|text| text.parse()).transpose();
        parsed.map_err(|invalid| Problem::invalid(name, invalid))
    }

    /// Returns the maximum number of entries of a list: `?limit=` from 1 to 100, or 20 by default.
    ///
    /// # Errors
    /// 422 if it is invalid.
    fn limit(&self) -> Result<usize, Problem> {
        let Some(text) = self.query("limit") else {
            return Ok(20);
        };
        text.parse().ok().filter(|limit| (1..=100).contains(limit)).ok_or_else(|| {
            let invalid = Invalid::new("out_of_range", "must be a whole number from 1 to 100");
            Problem::invalid("limit", invalid)
        })
    }

    /// Reads the body, which is a JSON object.
    ///
    /// # Errors
    /// 413 if it is too large, 400 if it is not JSON, 422 with all invalid fields.
    fn json<T: Deserr<InvalidFields>>(&self) -> Result<T, Problem> {
        input::read(self.bytes()?)
    }

    /// Reads the body as [`Self::json`] does, and checks which fields are given together.
    ///
    /// # Errors
    /// As [`Self::json`], with the fields that the rules refuse.
    fn json_with<T: Deserr<InvalidFields>>(&self, rules: impl FnOnce(&mut Rules)) -> Result<T, Problem> {
        input::read_with(self.bytes()?, rules)
    }

    /// Returns the body as it was sent.
    ///
    /// # Errors
    /// 413 if it is too large.
    fn bytes(&self) -> Result<&[u8], Problem> {
        let bytes = self.request().body().as_ref();
        if bytes.len() > MAX_BODY_BYTES { Err(too_large()) } else { Ok(bytes) }
    }

    /// Returns a header, if it is present and is text.
    fn header(&self, name: &str) -> Option<&str> {
        self.request().headers().get(name)?.to_str().ok()
    }

    /// Returns the `Idempotency-Key` of the request, if it has one.
    ///
    /// `body` is what must be the same in every request with the key, without secrets.
    ///
    /// # Errors
    /// 422 if the key is not 1 to 255 visible ASCII characters.
    fn idempotency_key(&self, body: &impl Serialize) -> Result<Option<IdempotencyKey>, Problem> {
        self.idempotency_key_of("anyone", body)
    }

    /// Returns the `Idempotency-Key` of a request whose caller may be anonymous. `scope` distinguishes anonymous
    /// callers.
    ///
    /// # Errors
    /// 422 if the key is not 1 to 255 visible ASCII characters.
    fn idempotency_key_of(&self, scope: &str, body: &impl Serialize) -> Result<Option<IdempotencyKey>, Problem> {
        let Some(key) = self.request().headers().get("idempotency-key") else {
            return Ok(None);
        };
        let key =
            key.to_str().ok().filter(|key| (1..=255).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic()));
        let key = key.ok_or_else(|| {
            let invalid = Invalid::new("out_of_range", "must be 1 to 255 visible ASCII characters");
            Problem::invalid("Idempotency-Key", invalid)
        })?;
        let body = serde_json::to_string(body).map_err(|error| {
            tracing::error!(%error, "a request cannot be serialized");
            Problem::internal()
        })?;
        let scope = self.caller().map_or_else(|_| scope.to_owned(), |caller| caller.user_id.to_string());
        Ok(Some(IdempotencyKey::new(&scope, key, &format!("{} {body}", self.route()))))
    }

    /// Returns whether `If-None-Match` (RFC 9110) has this `etag`. Weak tags match, too, because a CDN that compresses
    /// responses makes their tags weak.
    fn matches_if_none_match(&self, etag: &str) -> bool {
        etags(self.request(), "if-none-match").is_some_and(|tags| has_etag(&tags.replace("W/\"", "\""), etag))
    }

    /// Returns whether `If-Match` (RFC 9110) has this `etag`, or is missing.
    fn matches_if_match(&self, etag: &str) -> bool {
        etags(self.request(), "if-match").is_none_or(|tags| has_etag(&tags, etag))
    }

    /// Returns the address of the client: an IPv4 address, or the /64 network of an IPv6 address, because a client has
    /// all addresses of it.
    fn address(&self) -> String {
        let context = gateway_context(self.request());
        let source = context.and_then(|context| context.http.source_ip.as_deref()).unwrap_or_default();
        match source.parse() {
            Ok(IpAddr::V6(address)) if address.to_ipv4_mapped().is_none() => {
                let [a, b, c, d, ..] = address.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
            _ => source.to_owned(),
        }
    }

    /// Returns this request as the cause of events.
    fn cause(&self) -> Cause {
        let (correlation_id, traceparent) = arrival(self.request())
            .map(|arrival| (arrival.correlation_id.clone(), arrival.traceparent.clone()))
            .unwrap_or_default();
        Cause { correlation_id, traceparent, causation_id: None }
    }

    /// Returns the milliseconds since the request arrived.
    fn elapsed_ms(&self) -> u64 {
        arrival(self.request()).map_or(0, Arrival::elapsed_ms)
    }
}

impl ApiRequest for Request {
    fn request(&self) -> &Request {
        self
    }
}

/// Returns the arrival of the request. Only a request that is not served, as in tests, has none.
fn arrival(request: &Request) -> Option<&Arrival> {
    request.extensions().get()
}

/// Returns the context that API Gateway added to the request.
fn gateway_context(request: &Request) -> Option<&ApiGatewayV2httpRequestContext> {
    match request.request_context_ref()? {
        RequestContext::ApiGatewayV2(context) => Some(context),
        _ => None,
    }
}

/// Checks that the policy allows the caller to use the route of the request.
pub(super) fn authorize(request: &Request, routes: &[Route]) -> Result<(), Problem> {
    let Some(route) = routes.iter().find(|route| route.key == request.route()) else {
        tracing::error!("the route is not in the policy table of this context");
        return Err(Problem::not_found("route"));
    };
    let caller = request.caller().ok();
    if policy::allows(route.access, caller.map(|caller| caller.role)) {
        if route.access == Access::Owner { authorize_owner(request) } else { Ok(()) }
    } else if caller.is_some() {
        Err(forbidden())
    } else {
        Err(unauthorized())
    }
}

/// Checks that the path does not name another user. The owner of an order, for example, is checked by the use case.
fn authorize_owner(request: &Request) -> Result<(), Problem> {
    let caller = request.caller()?;
    let is_other_user = request.path_parameter("user_id").is_some_and(|id| id.parse() != Ok(caller.user_id));
    if is_other_user && !caller.is_admin() { Err(Problem::not_found("user")) } else { Ok(()) }
}

/// Sets the quota that the headers of the response report.
pub(crate) fn set_quota(request: &Request, quota: Quota) {
    if let Some(arrival) = arrival(request) {
        *arrival.quota.lock().unwrap_or_else(PoisonError::into_inner) = Some(quota);
    }
}

fn etags(request: &Request, header: &str) -> Option<String> {
    Some(request.headers().get(header)?.to_str().unwrap_or_default().to_owned())
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

/// Returns whether a list of entity tags contains this one.
fn has_etag(tags: &str, etag: &str) -> bool {
    tags.split(',').map(str::trim).any(|tag| tag == "*" || tag == etag)
}
