//! Commands of operators: a function that is invoked by hand or by a deployment, with JSON in and out.

use futures::{FutureExt, TryFutureExt};
use lambda_runtime::{LambdaEvent, Runtime, service_fn};
use serde::{Serialize, de::DeserializeOwned};

use crate::Error;

/// Serves one command until the environment ends.
///
/// # Errors
/// When the runtime API is gone.
pub async fn serve<S, T: DeserializeOwned, R: Serialize, F: Into<Error>>(
    context: S,
    command: impl AsyncFn(&S, T) -> Result<R, F>,
) -> Result<(), Error> {
    let context = &context;
    let command = &command;
    let service = service_fn(|event: LambdaEvent<T>| {
        let done = async { command(context, event.payload).await.map_err(Into::into) };
        done.inspect_err(|error| tracing::error!(%error, "the command failed")).boxed_local()
    });
    Runtime::new(service).run().await
}
