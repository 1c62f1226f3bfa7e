//! The authorizer of the WebSocket API: authenticates who connects. Unlike the authorizer of the HTTP API, it denies
//! anonymous callers, and its response is not cached.
//!
//! A browser cannot add a header to the handshake of a WebSocket, so the token may also be in `?access_token=` (RFC
//! 6750 §2.3). URLs are easily logged, so the stage has no access log, and no function logs the query string.
//!
//! API Gateway calls the authorizer only at the handshake. The context that it passes to the other functions has the
//! time when the token expires, at which the connection is closed.

use aws_lambda_events::apigw::ApiGatewayCustomAuthorizerRequestTypeRequest as Handshake;
use futures::FutureExt;
use lambda::Error;
use lambda_runtime::{LambdaEvent, Runtime, service_fn};
use serde_json::{Value, json};

use crate::{
    AuthenticatedCaller, Users,
    authorizer::{authenticate, bearer_token, context},
};

/// Serves the authorizer until the environment ends.
///
/// # Errors
/// If the Runtime API is not available.
pub async fn serve(users: Users) -> Result<(), Error> {
    let service = service_fn(|event: LambdaEvent<Handshake>| authorize(&users, event.payload).boxed_local());
    Runtime::new(service).run().await
}

async fn authorize(users: &Users, handshake: Handshake) -> Result<Value, Error> {
    let caller = authenticate(users, token(&handshake)).await?;
    Ok(policy_for(caller, handshake.method_arn.as_deref().unwrap_or_default()))
}

fn token(handshake: &Handshake) -> Option<&str> {
    bearer_token(&handshake.headers).or_else(|| handshake.query_string_parameters.first("access_token"))
}

/// Returns an IAM policy, because WebSocket APIs do not support simple responses. API Gateway responds with 403 to a
/// denied handshake.
fn policy_for(caller: Option<AuthenticatedCaller>, route: &str) -> Value {
    let statement = |effect: &str| json!([{ "Action": "execute-api:Invoke", "Effect": effect, "Resource": route }]);
    let policy = |effect| json!({ "Version": "2012-10-17", "Statement": statement(effect) });
    let Some(caller) = caller else {
        return json!({ "principalId": "nobody", "policyDocument": policy("Deny") });
    };
    let mut context = context(caller);
    context["expires_at"] = caller.expires_at.into();
    json!({ "principalId": caller.caller.user_id, "policyDocument": policy("Allow"), "context": context })
}

#[cfg(test)]
mod tests {
    use contracts::Role;
    use kernel::{SessionId, UserId};
    use lambda::http::Caller;

    use super::*;

    const ROUTE: &str = "arn:aws:execute-api:eu-central-1:000000000000:api/live/$connect";

    #[test]
    fn anonymous_callers_are_denied_and_others_get_the_expiry_of_their_token() {
        assert_eq!(policy_for(None, ROUTE)["policyDocument"]["Statement"][0]["Effect"], "Deny");
        let caller = Caller { user_id: UserId::new(), role: Role::Admin, session_id: SessionId::new() };
        let allowed = policy_for(Some(AuthenticatedCaller { caller, expires_at: 7 }), ROUTE);
        assert_eq!(
            allowed["policyDocument"]["Statement"][0],
            json!({ "Action": "execute-api:Invoke", "Effect": "Allow", "Resource": ROUTE })
        );
        let context =
            json!({ "user_id": caller.user_id, "role": "admin", "session_id": caller.session_id, "expires_at": 7 });
        assert_eq!(allowed["context"], context);
    }

    #[test]
    fn the_token_is_in_the_header_or_in_the_query() {
        let handshake = |headers: Value, query: Value| -> Handshake {
            let event = json!({ "headers": headers, "queryStringParameters": query, "requestContext": {} });
            serde_json::from_value(event).expect("a handshake")
        };
        assert_eq!(token(&handshake(json!({ "Authorization": "Bearer a.b.c" }), Value::Null)), Some("a.b.c"));
        assert_eq!(token(&handshake(json!({}), json!({ "access_token": "a.b.c" }))), Some("a.b.c"));
        assert_eq!(token(&handshake(json!({ "authorization": "Basic a" }), Value::Null)), None);
        assert_eq!(token(&handshake(json!({}), Value::Null)), None);
    }
}
