//! Tasks of a workflow. Step Functions may call them more than once, and catches their refusals by name.

use contracts::Cause;
use dynamo::StoreError;
use futures::FutureExt;
use lambda_runtime::{Diagnostic, LambdaEvent, Runtime, service_fn};
use serde::{Deserialize, de::DeserializeOwned};
use tracing::Instrument;

use crate::Error;

/// The error of a task.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// A refusal for business reasons. The workflow catches it by `name` and does not retry.
    #[error("{name}: {detail}")]
    Refused {
        /// The error name in the state machine's `Catch`.
        name: &'static str,
        /// The detail for the history of the execution.
        detail: String,
    },
    /// A transient fault. The workflow retries the task, and catches the fault after the last attempt.
    #[error("{name}: {reason}")]
    Fault {
        /// The error name in the history of the execution.
        name: &'static str,
        /// The reason for the log and the history.
        reason: String,
    },
}

impl TaskError {
    /// Creates a refusal that the state machine catches as `name`.
    pub fn refused(name: &'static str, detail: impl ToString) -> Self {
        Self::Refused { name, detail: detail.to_string() }
    }

    /// Creates a transient fault.
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

/// The input of every task, which is the input of the workflow. `T` has the fields that the task needs.
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
/// If the Lambda runtime API does not respond.
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
        let result = task(context, work, cause).await;
        match &result {
            Ok(()) => tracing::info!("done"),
            Err(TaskError::Refused { name, detail }) => {
                tracing::info!(refusal = name, detail, "refused")
            }
            Err(TaskError::Fault { name, reason }) => {
                tracing::error!(fault = name, error = reason, "failed")
            }
        }
        Ok(result?)
    }
    .instrument(span)
    .await
}
