//! WebSocket functions, which serve the routes of a WebSocket API.
//!
//! The result of such a function tells API Gateway only whether it succeeded. Messages to the client are sent through
//! its connection. Messages from one connection may be handled concurrently and in any order.

use std::panic::AssertUnwindSafe;

use aws_lambda_events::apigw::ApiGatewayWebsocketProxyRequest;
use base64::{Engine, prelude::BASE64_STANDARD};
use futures::{FutureExt, TryFutureExt};
use kernel::{CorrelationId, Timestamp};
use lambda_runtime::{LambdaEvent, Runtime, service_fn};
use serde_json::{Value, json};
use tracing::Instrument;

use crate::{Error, http::Caller};

/// A message from a client, or the start or end of a connection.
#[derive(Debug)]
pub struct SocketMessage {
    /// The time of the message. The clock is read only once per message.
    pub now: Timestamp,
    /// The correlation id of the log lines.
    pub correlation_id: CorrelationId,
    /// The id of the connection.
    pub connection_id: String,
    /// Whether the message is the handshake of a new connection.
    pub is_handshake: bool,
    /// The connecting user. It is reliable only in the handshake.
    pub user: Option<ConnectedUser>,
    /// The body of the message. It is empty when a connection starts or ends.
    pub body: String,
}

/// The user of a connection, as identified by the authorizer of the WebSocket API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectedUser {
    /// The user and their role.
    pub caller: Caller,
    /// The time at which the access token expires, in seconds since 1970.
    pub expires_at: i64,
}

/// Serves one route until the environment ends. A handshake is rejected if `handle` fails.
///
/// # Errors
/// If the Lambda runtime API does not respond.
pub async fn serve<S, F: std::fmt::Display>(
    context: S,
    handle: impl AsyncFn(&S, SocketMessage) -> Result<(), F>,
) -> Result<(), Error> {
    let service = service_fn(|event: LambdaEvent<ApiGatewayWebsocketProxyRequest>| {
        // Boxed, because the futures of the SDK nest too deeply for the compiler.
        respond(&context, &handle, event.payload).map(Ok::<_, Error>).boxed_local()
    });
    Runtime::new(service).run().await
}

async fn respond<S, F: std::fmt::Display>(
    context: &S,
    handle: &impl AsyncFn(&S, SocketMessage) -> Result<(), F>,
    event: ApiGatewayWebsocketProxyRequest,
) -> Value {
    let route = event.request_context.route_key.clone().unwrap_or_default();
    let message = SocketMessage::new(event);
    let (correlation_id, connection_id) = (&message.correlation_id, &message.connection_id);
    let span = tracing::info_span!("message", %correlation_id, connection_id, route);
    let handled = async { handle(context, message).await };
    let handled = AssertUnwindSafe(handled.map_err(|error| error.to_string())).catch_unwind().instrument(span.clone());
    let failure = match handled.await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error),
        Err(_) => Some("the handler panicked".to_owned()),
    };
    span.in_scope(|| match &failure {
        None => tracing::info!("handled"),
        Some(error) => tracing::error!(error, "a message could not be handled"),
    });
    json!({ "statusCode": if failure.is_none() { 200 } else { 500 } })
}

impl SocketMessage {
    fn new(event: ApiGatewayWebsocketProxyRequest) -> Self {
        let fields = &event.request_context.authorizer.fields;
        let user = Caller::of(fields).zip(whole_number(fields.get("expires_at")));
        let is_handshake = event.request_context.event_type.as_deref() == Some("CONNECT");
        let text = event.body.unwrap_or_default();
        // Binary messages are in base64. A body that is not valid base64 is not JSON either.
        let bytes = if event.is_base64_encoded { BASE64_STANDARD.decode(&text).ok() } else { None };
        Self {
            now: Timestamp::now(),
            correlation_id: CorrelationId::new(),
            connection_id: event.request_context.connection_id.unwrap_or_default(),
            is_handshake,
            user: user.map(|(caller, expires_at)| ConnectedUser { caller, expires_at }),
            body: bytes.map_or(text, |bytes| String::from_utf8_lossy(&bytes).into_owned()),
        }
    }
}

/// Reads a whole number. API Gateway converts all values of an authorizer's context to text.
fn whole_number(value: Option<&Value>) -> Option<i64> {
    let value = value?;
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use contracts::Role;

    use super::*;

    fn message(more: Value) -> SocketMessage {
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
        SocketMessage::new(serde_json::from_value(event).expect("an event"))
    }

    #[test]
    fn a_user_is_known_only_with_the_whole_authorizer_context() {
        let complete = json!({
            "user_id": "01930000-0000-7002-8000-000000000001", "session_id": "01930000-0000-7002-8000-000000000002",
            "role": "admin", "expires_at": "1767323045", "principalId": "x",
        });
        let user = message(json!({ "authorizer": complete })).user.expect("a user");
        assert_eq!((user.caller.role, user.expires_at), (Role::Admin, 1_767_323_045));
        for missing in ["user_id", "session_id", "role", "expires_at"] {
            let mut incomplete = complete.clone();
            incomplete[missing] = Value::Null;
            assert_eq!(message(json!({ "authorizer": incomplete })).user, None, "{missing}");
        }
        assert_eq!(message(json!({})).user, None);
    }

    #[test]
    fn binary_messages_are_read_as_text() {
        assert_eq!(message(json!({ "body": "{}" })).body, "{}");
        assert_eq!(message(json!({ "body": "e30=", "isBase64Encoded": true })).body, "{}");
        assert_eq!(message(json!({})).body, "");
    }
}
