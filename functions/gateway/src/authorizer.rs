//! The authorizer: says who calls. What they may do is each function's to say, from the policy table.
//!
//! A bad token is let through as nobody: API Gateway would answer a refusal with 403 and a body of its own, where the API
//! promises 401 and a problem. The function behind answers that, before it does anything else.

use aws_lambda_events::apigw::{ApiGatewayV2CustomAuthorizerSimpleResponse, ApiGatewayV2CustomAuthorizerV2Request};
use futures::FutureExt;
use lambda::Error;
use lambda_runtime::{LambdaEvent, Runtime, service_fn};
use serde_json::{Value, json};
use tokens::SigningKey;

type Request = ApiGatewayV2CustomAuthorizerV2Request;
type Decision = ApiGatewayV2CustomAuthorizerSimpleResponse<Value>;

/// Serves the authorizer until the environment ends.
///
/// # Errors
/// When the runtime API is gone.
pub async fn serve(key: SigningKey) -> Result<(), Error> {
    let service = service_fn(|event: LambdaEvent<Request>| authorize(&key, event.payload).boxed_local());
    Runtime::new(service).run().await
}

async fn authorize(key: &SigningKey, request: Request) -> Result<Decision, Error> {
    let mut decision = Decision::default();
    decision.is_authorized = true;
    decision.context = match bearer(&request) {
        Some(token) => match key.verify(token).await? {
            Ok(claims) => {
                json!({ "user_id": claims.sub, "role": claims.role, "session_id": claims.sid })
            }
            Err(_) => json!({}),
        },
        None => json!({}),
    };
    Ok(decision)
}

/// The token in `Authorization: Bearer <token>`; the scheme's case does not matter (RFC 9110).
fn bearer(request: &Request) -> Option<&str> {
    let (scheme, token) = request.headers.get("authorization")?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
