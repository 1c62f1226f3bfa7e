//! Sockets: functions behind the routes of a WebSocket API.
//!
//! What such a function returns tells API Gateway whether it went well; a client is told through its connection. Frames of one
//! connection may be handled at once and in any order.

use std::panic::AssertUnwindSafe;

use aws_lambda_events::apigw::ApiGatewayWebsocketProxyRequest;
use base64::{Engine, prelude::BASE64_STANDARD};
use futures::{FutureExt, TryFutureExt};
use kernel::{CorrelationId, Timestamp};
use lambda_runtime::{LambdaEvent, Runtime, service_fn};
use serde_json::{Value, json};
use tracing::Instrument;

use crate::{
    Error,
    http::{Caller, malformed},
    input::{self, Fields},
    problem::Problem,
};

/// What came through a connection, or what became of it.
#[derive(Debug)]
pub struct Frame {
    /// When it came; the one clock reading of its handling.
    pub now: Timestamp,
    /// What its log lines are found by.
    pub correlation_id: CorrelationId,
    /// The connection, until it ends.
    pub connection_id: String,
    /// Whether a connection begins with it.
    pub is_handshake: bool,
    /// Who connects; known for sure at the handshake alone.
    pub visitor: Option<Visitor>,
    /// What the client sent; empty where a connection begins or ends.
    pub body: String,
}

/// Who connects, as the socket's authorizer found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visitor {
    /// Their account, and what they may do.
    pub caller: Caller,
    /// When their token ends, in seconds since 1970.
    pub expires_at: i64,
}

/// Serves one route until the environment ends. A handshake whose `handle` fails is refused.
///
/// # Errors
/// When the runtime API is gone.
pub async fn serve<S, F: std::fmt::Display>(
    context: S,
    handle: impl AsyncFn(&S, Frame) -> Result<(), F>,
) -> Result<(), Error> {
    let service = service_fn(|event: LambdaEvent<ApiGatewayWebsocketProxyRequest>| {
        // Boxed: the futures of the SDK nest deeper than the compiler likes to look.
        answer(&context, &handle, event.payload).map(Ok::<_, Error>).boxed_local()
    });
    Runtime::new(service).run().await
}

async fn answer<S, F: std::fmt::Display>(
    context: &S,
    handle: &impl AsyncFn(&S, Frame) -> Result<(), F>,
    event: ApiGatewayWebsocketProxyRequest,
) -> Value {
    let route = event.request_context.route_key.clone().unwrap_or_default();
    let frame = Frame::new(event);
    let (correlation_id, connection_id) = (&frame.correlation_id, &frame.connection_id);
    let span = tracing::info_span!("frame", %correlation_id, connection_id, route);
    let handled = async { handle(context, frame).await };
    let handled = AssertUnwindSafe(handled.map_err(|error| error.to_string())).catch_unwind().instrument(span.clone());
    let failure = match handled.await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error),
        Err(_) => Some("it panicked".to_owned()),
    };
    span.in_scope(|| match &failure {
        None => tracing::info!("handled"),
        Some(error) => tracing::error!(error, "a frame could not be handled"),
    });
    json!({ "statusCode": if failure.is_none() { 200 } else { 500 } })
}

impl Frame {
    fn new(event: ApiGatewayWebsocketProxyRequest) -> Self {
        let fields = &event.request_context.authorizer.fields;
        let visitor = Caller::of(fields).zip(whole_number(fields.get("expires_at")));
        let is_handshake = event.request_context.event_type.as_deref() == Some("CONNECT");
        let text = event.body.unwrap_or_default();
        // Frames of bytes come in base64; what is not even that is no JSON either.
        let bytes = if event.is_base64_encoded { BASE64_STANDARD.decode(&text).ok() } else { None };
        Self {
            now: Timestamp::now(),
            correlation_id: CorrelationId::new(),
            connection_id: event.request_context.connection_id.unwrap_or_default(),
            is_handshake,
            visitor: visitor.map(|(caller, expires_at)| Visitor { caller, expires_at }),
            body: bytes.map_or(text, |bytes| String::from_utf8_lossy(&bytes).into_owned()),
        }
    }
}

impl Frame {
    /// The body, a JSON object, read field by field.
    ///
    /// # Errors
    /// When it is not JSON; for every wrong field.
    pub fn read<T>(&self, read: impl FnOnce(&Fields<'_>) -> Option<T>) -> Result<T, Problem> {
        let body = serde_json::from_str(&self.body).map_err(|error| malformed(error.line(), error.column()))?;
        input::read_object(&body, read)
    }
}

/// API Gateway makes texts of all that an authorizer tells.
fn whole_number(value: Option<&Value>) -> Option<i64> {
    let value = value?;
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use contracts::Role;

    use super::*;

    fn frame(more: Value) -> Frame {
        let mut event = json!({
            "requestContext": { "routeKey": "$default", "connectionId": "AAAA=", "connectedAt": 1, "requestTimeEpoch": 1 },
            "isBase64Encoded": false,
        });
        for (name, value) in more.as_object().expect("an object") {
            match name.as_str() {
                "authorizer" => event["requestContext"][name] = value.clone(),
                _ => event[name] = value.clone(),
            }
        }
        Frame::new(serde_json::from_value(event).expect("an event"))
    }

    #[test]
    fn a_visitor_is_known_only_with_all_that_the_authorizer_tells() {
        let whole = json!({
            "user_id": "01930000-0000-7002-8000-000000000001", "session_id": "01930000-0000-7002-8000-000000000002",
            "role": "admin", "expires_at": "1767323045", "principalId": "x",
        });
        let visitor = frame(json!({ "authorizer": whole })).visitor.expect("a visitor");
        assert_eq!((visitor.caller.role, visitor.expires_at), (Role::Admin, 1_767_323_045));
        for missing in ["user_id", "session_id", "role", "expires_at"] {
            let mut less = whole.clone();
            less[missing] = Value::Null;
            assert_eq!(frame(json!({ "authorizer": less })).visitor, None, "{missing}");
        }
        assert_eq!(frame(json!({})).visitor, None);
    }

    #[test]
    fn bytes_are_read_as_text() {
        assert_eq!(frame(json!({ "body": "{}" })).body, "{}");
        assert_eq!(frame(json!({ "body": "e30=", "isBase64Encoded": true })).body, "{}");
        assert_eq!(frame(json!({})).body, "");
    }
}
