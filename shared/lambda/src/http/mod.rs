//! HTTP functions, which `lambda_http` serves. They respond to every request of API Gateway with a response or a
//! problem, and never fail the invocation.

mod event;
mod request;
mod response;

use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use lambda_http::{Adapter, Service, request::LambdaRequest, service_fn};
use lambda_runtime::LambdaEvent;
use tracing::Instrument;

pub use event::percent_encoded;
pub use lambda_http::Request;
pub use request::{ApiRequest, Caller, Quota};
pub(crate) use request::{forbidden, malformed, set_quota, too_large, unauthorized};
pub use response::{
    Reply, Response, accepted, content, created, json_text, no_content, not_modified, ok, redirect, stored_ok,
    with_status,
};

use self::request::Arrival;
use crate::{Error, limit::Limiter, policy::Route, problem::Problem};

/// Serves one endpoint until the environment ends. `routes` are those of its context: a request of any other route is
/// rejected.
///
/// # Errors
/// If the Lambda runtime API does not respond.
pub async fn serve<S, H, F>(routes: &'static [Route], context: S, handler: H) -> Result<(), Error>
where
    S: Sync + 'static,
    H: Fn(&'static S, Request) -> F + Sync + 'static,
    F: Future<Output = Reply> + Send,
{
    run(Endpoint { routes, limiter: None, context, handler }).await
}

/// Serves one endpoint as [`serve`] does, with a rate limit.
///
/// # Errors
/// If the Lambda runtime API does not respond.
pub async fn serve_limited<S, H, F>(
    routes: &'static [Route],
    limiter: Limiter,
    context: S,
    handler: H,
) -> Result<(), Error>
where
    S: Sync + 'static,
    H: Fn(&'static S, Request) -> F + Sync + 'static,
    F: Future<Output = Reply> + Send,
{
    run(Endpoint { routes, limiter: Some(limiter), context, handler }).await
}

/// What an environment needs to respond to the requests of one endpoint.
struct Endpoint<S, H> {
    routes: &'static [Route],
    limiter: Option<Limiter>,
    context: S,
    handler: H,
}

async fn run<S, H, F>(endpoint: Endpoint<S, H>) -> Result<(), Error>
where
    S: Sync + 'static,
    H: Fn(&'static S, Request) -> F + Sync + 'static,
    F: Future<Output = Reply> + Send,
{
    // An environment serves one endpoint until it ends, so the endpoint is never dropped.
    let endpoint: &'static Endpoint<S, H> = Box::leak(Box::new(endpoint));
    let mut adapter = Adapter::from(service_fn(|request| respond(endpoint, request).map(Ok::<_, Error>)));
    let service = service_fn(move |event: LambdaEvent<LambdaRequest>| adapter.call(event::corrected(event)));
    lambda_runtime::run(service).await
}

async fn respond<S, H, F>(endpoint: &'static Endpoint<S, H>, mut request: Request) -> Response
where
    S: Sync,
    H: Fn(&'static S, Request) -> F + Sync,
    F: Future<Output = Reply> + Send,
{
    let arrival = Arrival::of(request.headers());
    request.extensions_mut().insert(arrival.clone());
    let caller = request.caller().ok();
    let span = tracing::info_span!("request", correlation_id = %arrival.correlation_id, route = request.route());
    async {
        let handling = async {
            request::authorize(&request, endpoint.routes)?;
            if let Some(limiter) = &endpoint.limiter {
                limiter.take(&request).await?;
            }
            (endpoint.handler)(&endpoint.context, request).await
        };
        let reply = AssertUnwindSafe(handling).catch_unwind().await.unwrap_or_else(|_| {
            tracing::error!("the handler panicked");
            Err(Problem::internal())
        });
        let response = reply.unwrap_or_else(|problem| Response::of_problem(&problem, &arrival.correlation_id));
        tracing::info!(
            status = response.status,
            duration_ms = arrival.elapsed_ms(),
            user_id = caller.map(|caller| caller.user_id.to_string()),
            "responded"
        );
        response.with_headers_of(&arrival)
    }
    .instrument(span)
    .await
}
