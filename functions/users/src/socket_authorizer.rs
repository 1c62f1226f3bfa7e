//! The authorizer of the socket: says who connects, as the authorizer of the HTTP API says who calls; but here nobody is let in as
//! nobody, and nothing is kept of what it said.
//!
//! A browser cannot add a header to a WebSocket's handshake, so that the token may come as `?access_token=` too (RFC 6750 §2.3). An
//! address is easily written down: the stage keeps no access log, and neither this nor any function behind it logs the query.
//!
//! API Gateway asks at the handshake alone. The functions behind are told when the token ends, which ends the connection.

use aws_lambda_events::apigw::ApiGatewayCustomAuthorizerRequestTypeRequest as Handshake;
use futures::FutureExt;
use lambda::Error;
use lambda_runtime::{LambdaEvent, Runtime, service_fn};
use serde_json::{Value, json};

use crate::{
    Known, Users,
    authorizer::{bearer, context, known},
};

/// Serves the authorizer until the environment ends.
///
/// # Errors
/// When the runtime API is gone.
pub async fn serve(users: Users) -> Result<(), Error> {
    let service = service_fn(|event: LambdaEvent<Handshake>| authorize(&users, event.payload).boxed_local());
    Runtime::new(service).run().await
}

async fn authorize(users: &Users, handshake: Handshake) -> Result<Value, Error> {
    let known = known(users, token(&handshake)).await?;
    Ok(decision(known, handshake.method_arn.as_deref().unwrap_or_default()))
}

fn token(handshake: &Handshake) -> Option<&str> {
    bearer(&handshake.headers).or_else(|| handshake.query_string_parameters.first("access_token"))
}

/// An IAM policy: a WebSocket API knows no simple answers. Whoever is denied is answered 403, before anything is connected.
fn decision(known: Option<Known>, route: &str) -> Value {
    let statement = |effect: &str| json!([{ "Action": "execute-api:Invoke", "Effect": effect, "Resource": route }]);
    let policy = |effect| json!({ "Version": "2012-10-17", "Statement": statement(effect) });
    let Some(known) = known else {
        return json!({ "principalId": "nobody", "policyDocument": policy("Deny") });
    };
    let mut context = context(known);
    context["expires_at"] = known.until.into();
    json!({ "principalId": known.caller.user_id, "policyDocument": policy("Allow"), "context": context })
}

#[cfg(test)]
mod tests {
    use contracts::Role;
    use kernel::{SessionId, UserId};
    use lambda::http::Caller;

    use super::*;

    const ROUTE: &str = "arn:aws:execute-api:eu-central-1:000000000000:api/live/$connect";

    #[test]
    fn nobody_is_denied_and_somebody_is_named_with_their_tokens_end() {
        assert_eq!(decision(None, ROUTE)["policyDocument"]["Statement"][0]["Effect"], "Deny");
        let caller = Caller { user_id: UserId::new(), role: Role::Admin, session_id: SessionId::new() };
        let allowed = decision(Some(Known { caller, until: 7 }), ROUTE);
        assert_eq!(
            allowed["policyDocument"]["Statement"][0],
            json!({ "Action": "execute-api:Invoke", "Effect": "Allow", "Resource": ROUTE })
        );
        let context =
            json!({ "user_id": caller.user_id, "role": "admin", "session_id": caller.session_id, "expires_at": 7 });
        assert_eq!(allowed["context"], context);
    }

    #[test]
    fn a_token_comes_in_the_header_or_in_the_query() {
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
