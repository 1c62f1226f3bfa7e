//! Operators' commands: functions that a person or a deployment invokes, with JSON as input and output.

use futures::{FutureExt, TryFutureExt};
use lambda_runtime::{LambdaEvent, Runtime, service_fn};
use serde::{Serialize, de::DeserializeOwned};

use crate::Error;

/// Serves one command until the environment ends.
///
/// # Errors
/// If the Lambda runtime API does not respond.
pub async fn serve<S, T: DeserializeOwned, R: Serialize, F: Into<Error>>(
    context: S,
    command: impl AsyncFn(&S, T) -> Result<R, F>,
) -> Result<(), Error> {
    let context = &context;
    let command = &command;
    let service = service_fn(|event: LambdaEvent<T>| {
        let result = async { command(context, event.payload).await.map_err(Into::into) };
        result.inspect_err(|error| tracing::error!(%error, "the command failed")).boxed_local()
    });
    Runtime::new(service).run().await
}
