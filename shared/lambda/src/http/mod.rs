//! HTTP functions. They respond to every request of API Gateway with a response or a problem, and never fail the
//! invocation.

mod request;
mod response;

use std::panic::AssertUnwindSafe;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use futures::FutureExt;
use lambda_runtime::{LambdaEvent, Runtime, service_fn};
use tracing::Instrument;

pub use request::{Caller, Quota, Request};
pub(crate) use request::{forbidden, malformed, too_large, unauthorized};
pub use response::{
    Reply, Response, accepted, content, created, json_text, no_content, not_modified, ok, redirect, stored_ok,
    with_status,
};

use crate::{Error, limit::Limiter, policy::Route, problem::Problem};

/// Serves one endpoint until the environment ends. `routes` are those of its context: a request of any other route is
/// rejected.
///
/// # Errors
/// If the Lambda runtime API does not respond.
pub async fn serve<S>(routes: &[Route], context: S, handler: impl AsyncFn(&S, &Request) -> Reply) -> Result<(), Error> {
    run(routes, None, context, handler).await
}

/// Serves one endpoint as [`serve`] does, with a rate limit.
///
/// # Errors
/// If the Lambda runtime API does not respond.
pub async fn serve_limited<S>(
    routes: &[Route],
    limiter: Limiter,
    context: S,
    handler: impl AsyncFn(&S, &Request) -> Reply,
) -> Result<(), Error> {
    run(routes, Some(limiter), context, handler).await
}

async fn run<S>(
    routes: &[Route],
    limiter: Option<Limiter>,
    context: S,
    handler: impl AsyncFn(&S, &Request) -> Reply,
) -> Result<(), Error> {
    let service = service_fn(|event: LambdaEvent<ApiGatewayV2httpRequest>| {
        // Boxed, because the futures of the SDK nest too deeply for the compiler.
        respond(routes, limiter.as_ref(), &context, &handler, event.payload).map(Ok::<_, Error>).boxed_local()
    });
    Runtime::new(service).run().await
}

async fn respond<S>(
    routes: &[Route],
    limiter: Option<&Limiter>,
    context: &S,
    handler: &impl AsyncFn(&S, &Request) -> Reply,
    event: ApiGatewayV2httpRequest,
) -> ApiGatewayV2httpResponse {
    let request = Request::new(event);
    let span = tracing::info_span!("request", correlation_id = %request.correlation_id, route = request.route());
    async {
        let handling = async {
            let request = request.authorize(routes)?;
            if let Some(limiter) = limiter {
                limiter.take(request).await?;
            }
            handler(context, request).await
        };
        let reply = AssertUnwindSafe(handling).catch_unwind().await.unwrap_or_else(|_| {
            tracing::error!("the handler panicked");
            Err(Problem::internal())
        });
        let response = reply.unwrap_or_else(|problem| Response::of_problem(&problem, &request));
        tracing::info!(
            status = response.status,
            duration_ms = request.elapsed_ms(),
            user_id = request.caller.map(|caller| caller.user_id.to_string()),
            "responded"
        );
        response.into_gateway_response(&request)
    }
    .instrument(span)
    .await
}
