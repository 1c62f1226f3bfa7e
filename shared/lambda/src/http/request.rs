//! The request of an HTTP function, and its caller.

use std::{cell::Cell, collections::HashMap, net::IpAddr, str::FromStr, time::Instant};

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use base64::{Engine, prelude::BASE64_STANDARD};
use contracts::{Cause, Role};
use dynamo::IdempotencyKey;
use kernel::{CorrelationId, Invalid, SessionId, Timestamp, TraceParent, UserId};
use serde::Serialize;
use serde_json::Value;

use crate::{
    input::{self, Fields},
    policy::{self, Access, Route},
    problem::{FieldError, Problem},
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

/// An HTTP request.
#[derive(Debug)]
pub struct Request {
    /// The time of the request. The clock is read only once per request.
    pub now: Timestamp,
    event: ApiGatewayV2httpRequest,
    pub(super) caller: Option<Caller>,
    pub(super) correlation_id: CorrelationId,
    pub(super) traceparent: TraceParent,
    started: Instant,
    pub(super) quota: Cell<Option<Quota>>,
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
    pub(super) fn authorize(&self, routes: &[Route]) -> Result<&Self, Problem> {
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

    /// Returns a query parameter, if it is present. Repeated parameters are joined with commas, as API Gateway does,
    /// and a comma within a value stays one.
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

/// Returns whether a list of entity tags contains this one.
fn has_etag(tags: &str, etag: &str) -> bool {
    tags.split(',').map(str::trim).any(|tag| tag == "*" || tag == etag)
}
