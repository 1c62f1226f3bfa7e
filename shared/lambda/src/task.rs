//! Tasks of a workflow: Step Functions calls them, may call them twice, and catches their refusals by name.

use contracts::Cause;
use dynamo::StoreError;
use futures::FutureExt;
use lambda_runtime::{Diagnostic, LambdaEvent, Runtime, service_fn};
use serde::{Deserialize, de::DeserializeOwned};
use tracing::Instrument;

use crate::Error;

/// Why a task did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// A business refusal: the workflow catches it by `name` and does not retry.
    #[error("{name}: {detail}")]
    Refused {
        /// The error name in the state machine's `Catch`.
        name: &'static str,
        /// For the execution's history.
        detail: String,
    },
    /// A fault that may pass: the workflow retries, and in the end catches it.
    #[error("{name}: {reason}")]
    Fault {
        /// The error name in the execution's history.
        name: &'static str,
        /// For the log and the history.
        reason: String,
    },
}

impl TaskError {
    /// A refusal that the state machine catches as `name`.
    pub fn refused(name: &'static str, detail: impl ToString) -> Self {
        Self::Refused { name, detail: detail.to_string() }
    }

    /// A fault that may pass.
    pub fn fault(name: &'static str, reason: impl ToString) -> Self {
        Self::Fault { name, reason: reason.to_string() }
    }
}

impl From<StoreError> for TaskError {
    fn from(error: StoreError) -> Self {
        Self::fault("StoreUnavailable", error)
    }
}

impl From<TaskError> for Diagnostic {
    fn from(error: TaskError) -> Self {
        let (error_type, error_message) = match error {
            TaskError::Refused { name, detail } => (name, detail),
            TaskError::Fault { name, reason } => (name, reason),
        };
        Self { error_type: error_type.to_owned(), error_message }
    }
}

/// What every task is given: the workflow's input, of which `T` is the part it needs.
#[derive(Debug, Deserialize)]
struct Input<T> {
    #[serde(flatten)]
    cause: Cause,
    #[serde(flatten)]
    work: T,
}

/// Serves one task until the environment ends.
///
/// # Errors
/// When the runtime API is gone.
pub async fn serve<S, T: DeserializeOwned>(
    context: S,
    task: impl AsyncFn(&S, T, Cause) -> Result<(), TaskError>,
) -> Result<(), Error> {
    let service =
        service_fn(|event: LambdaEvent<serde_json::Value>| perform(&context, &task, event.payload).boxed_local());
    Runtime::new(service).run().await
}

async fn perform<S, T: DeserializeOwned>(
    context: &S,
    task: &impl AsyncFn(&S, T, Cause) -> Result<(), TaskError>,
    input: serde_json::Value,
) -> Result<(), Diagnostic> {
    let order_id = input["order_id"].as_str().unwrap_or_default().to_owned();
    let Input { cause, work } = serde_json::from_value(input).map_err(|error| {
        tracing::error!(order_id, %error, "a task could not read its input");
        TaskError::refused("InvalidInput", error)
    })?;
    let span = tracing::info_span!("task", correlation_id = %cause.correlation_id, order_id);
    async {
        let done = task(context, work, cause).await;
        match &done {
            Ok(()) => tracing::info!("done"),
            Err(TaskError::Refused { name, detail }) => {
                tracing::info!(refusal = name, detail, "refused")
            }
            Err(TaskError::Fault { name, reason }) => {
                tracing::error!(fault = name, error = reason, "failed")
            }
        }
        Ok(done?)
    }
    .instrument(span)
    .await
}
