//! The authorizer of the HTTP API: authenticates the caller. What the caller may do is decided by each function, from
//! the policy table.
//!
//! It reads the session, so that a logout takes effect, and the account, so that a new role does. API Gateway caches
//! its response for five seconds (`AuthorizerResultTtlInSeconds` in this context's template.yaml), so a logout takes
//! effect after five seconds at most.
//!
//! A caller with an invalid token is anonymous, and is not denied here: API Gateway would respond to a denial with 403
//! and a body of its own, but the API promises 401 and a problem. The called function responds with that before it does
//! anything else.

use aws_lambda_events::{
    apigw::{ApiGatewayV2CustomAuthorizerSimpleResponse, ApiGatewayV2CustomAuthorizerV2Request},
    http::HeaderMap,
};
use futures::FutureExt;
use kernel::Timestamp;
use lambda::Error;
use lambda_runtime::{LambdaEvent, Runtime, service_fn};
use serde_json::{Value, json};

use crate::{AuthenticatedCaller, Users};

type Request = ApiGatewayV2CustomAuthorizerV2Request;
type Decision = ApiGatewayV2CustomAuthorizerSimpleResponse<Value>;

/// Serves the authorizer until the environment ends.
///
/// # Errors
/// If the Runtime API is not available.
pub async fn serve(users: Users) -> Result<(), Error> {
    let service = service_fn(|event: LambdaEvent<Request>| authorize(&users, event.payload).boxed_local());
    Runtime::new(service).run().await
}

async fn authorize(users: &Users, request: Request) -> Result<Decision, Error> {
    let caller = authenticate(users, bearer_token(&request.headers)).await?;
    let mut decision = Decision::default();
    decision.is_authorized = true;
    decision.context = caller.map_or_else(|| json!({}), context);
    Ok(decision)
}

/// Returns the caller with this token, or `None` if there is no token or it is not valid.
pub(crate) async fn authenticate(users: &Users, token: Option<&str>) -> Result<Option<AuthenticatedCaller>, Error> {
    let Some(token) = token else { return Ok(None) };
    let caller = users.authenticate(token, Timestamp::now()).await;
    Ok(caller.inspect_err(|error| tracing::error!(%error, "the caller could not be authenticated"))?)
}

/// Returns the context that API Gateway passes to the called function.
pub(crate) fn context(caller: AuthenticatedCaller) -> Value {
    let caller = caller.caller;
    json!({ "user_id": caller.user_id, "role": caller.role, "session_id": caller.session_id })
}

/// Returns the token in `Authorization: Bearer <token>`. The scheme is case-insensitive (RFC 9110).
pub(crate) fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get("authorization")?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use aws_lambda_events::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn headers(value: &[u8]) -> Option<HeaderMap> {
        let value = HeaderValue::from_bytes(value).ok()?;
        Some(HeaderMap::from_iter([("authorization".parse().ok()?, value)]))
    }

    proptest! {
        #[test]
        fn any_header_value_is_parsed_without_a_panic(value in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Some(token) = headers(&value).as_ref().and_then(bearer_token) {
                prop_assert!(value.len() > "bearer".len() && value[..6].eq_ignore_ascii_case(b"bearer"));
                prop_assert_eq!(token, token.trim());
            }
        }

        #[test]
        fn the_scheme_is_case_insensitive(scheme in "[bB][eE][aA][rR][eE][rR]", token in "[A-Za-z0-9._-]{1,60}") {
            let headers = headers(format!("{scheme} {token}").as_bytes()).expect("a header");
            prop_assert_eq!(bearer_token(&headers), Some(&*token));
        }

        #[test]
        fn another_scheme_has_no_token(scheme in "[A-Za-z]{0,12}", token in "[A-Za-z0-9._-]{0,20}") {
            prop_assume!(!scheme.eq_ignore_ascii_case("bearer"));
            let headers = headers(format!("{scheme} {token}").as_bytes()).expect("a header");
            prop_assert_eq!(bearer_token(&headers), None);
        }
    }
}
