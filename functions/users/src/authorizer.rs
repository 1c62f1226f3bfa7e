//! The authorizer: says who calls. What they may do is each function's to say, from the policy table.
//!
//! It looks the session up, so that a logout counts, and the account, so that its present role does. API Gateway keeps its answer
//! for five seconds (`AuthorizerResultTtlInSeconds` in this context's template.yaml), so that a logout takes effect after five seconds at most.
//!
//! A bad token is let through as nobody: API Gateway would answer a refusal with 403 and a body of its own, where the API
//! promises 401 and a problem. The function behind answers that, before it does anything else.

use aws_lambda_events::{
    apigw::{ApiGatewayV2CustomAuthorizerSimpleResponse, ApiGatewayV2CustomAuthorizerV2Request},
    http::HeaderMap,
};
use futures::FutureExt;
use kernel::Timestamp;
use lambda::Error;
use lambda_runtime::{LambdaEvent, Runtime, service_fn};
use serde_json::{Value, json};

use crate::{Known, Users};

type Request = ApiGatewayV2CustomAuthorizerV2Request;
type Decision = ApiGatewayV2CustomAuthorizerSimpleResponse<Value>;

/// Serves the authorizer until the environment ends.
///
/// # Errors
/// When the runtime API is gone.
pub async fn serve(users: Users) -> Result<(), Error> {
    let service = service_fn(|event: LambdaEvent<Request>| authorize(&users, event.payload).boxed_local());
    Runtime::new(service).run().await
}

async fn authorize(users: &Users, request: Request) -> Result<Decision, Error> {
    let known = known(users, bearer(&request.headers)).await?;
    let mut decision = Decision::default();
    decision.is_authorized = true;
    decision.context = known.map_or_else(|| json!({}), context);
    Ok(decision)
}

/// Who shows this token, if there is one and it is good.
pub(crate) async fn known(users: &Users, token: Option<&str>) -> Result<Option<Known>, Error> {
    let Some(token) = token else { return Ok(None) };
    let known = users.who_calls(token, Timestamp::now()).await;
    Ok(known.inspect_err(|error| tracing::error!(%error, "it could not be found out who calls"))?)
}

/// What the functions behind are told of a caller.
pub(crate) fn context(known: Known) -> Value {
    let caller = known.caller;
    json!({ "user_id": caller.user_id, "role": caller.role, "session_id": caller.session_id })
}

/// The token in `Authorization: Bearer <token>`; the scheme's case does not matter (RFC 9110).
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
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
        fn any_header_has_a_token_or_none(value in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Some(token) = headers(&value).as_ref().and_then(bearer) {
                prop_assert!(value.len() > "bearer".len() && value[..6].eq_ignore_ascii_case(b"bearer"));
                prop_assert_eq!(token, token.trim());
            }
        }

        #[test]
        fn the_token_is_found_whatever_the_case_of_the_scheme(scheme in "[bB][eE][aA][rR][eE][rR]", token in "[A-Za-z0-9._-]{1,60}") {
            let headers = headers(format!("{scheme} {token}").as_bytes()).expect("a header");
            prop_assert_eq!(bearer(&headers), Some(&*token));
        }

        #[test]
        fn another_scheme_has_none(scheme in "[A-Za-z]{0,12}", token in "[A-Za-z0-9._-]{0,20}") {
            prop_assume!(!scheme.eq_ignore_ascii_case("bearer"));
            let headers = headers(format!("{scheme} {token}").as_bytes()).expect("a header");
            prop_assert_eq!(bearer(&headers), None);
        }
    }
}
