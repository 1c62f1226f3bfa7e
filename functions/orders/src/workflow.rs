//! The checkout workflow. An execution is named `<order>`, or `<order>-<attempt>` if it is not the first.

use aws_config::SdkConfig;
use aws_sdk_sfn::{Client, operation::start_execution::StartExecutionError};
use contracts::{Cause, CheckoutStarted};
use kernel::Chain;
use lambda::env;
use serde::Serialize;

use crate::error::OrdersError;

pub(crate) struct Workflow {
    client: Client,
    state_machine: String,
}

/// The input of an execution. Every task receives all of it.
#[derive(Serialize)]
struct Input<'a> {
    #[serde(flatten)]
    checkout: &'a CheckoutStarted,
    #[serde(flatten)]
    cause: &'a Cause,
    attempt: u32,
}

impl Workflow {
    pub(crate) fn connect(config: &SdkConfig) -> Result<Self, lambda::Error> {
        Ok(Self { client: Client::new(config), state_machine: env("STATE_MACHINE_ARN")? })
    }

    /// Starts the checkout of an order; the first attempt is 0. Returns whether this attempt was not started before. An
    /// EXPRESS workflow always starts another execution.
    pub(crate) async fn start(
        &self,
        checkout: &CheckoutStarted,
        cause: &Cause,
        attempt: u32,
    ) -> Result<bool, OrdersError> {
        let input = serde_json::to_string(&Input { checkout, cause, attempt })
            .map_err(|error| OrdersError::Workflow(error.to_string()))?;
        let order_id = checkout.order_id;
        let name = if attempt == 0 { order_id.to_string() } else { format!("{order_id}-{attempt}") };
        let started =
            self.client.start_execution().state_machine_arn(&self.state_machine).name(name).input(input).send().await;
        match started {
            Ok(_) => Ok(true),
            Err(error) if matches!(error.as_service_error(), Some(StartExecutionError::ExecutionAlreadyExists(_))) => {
                Ok(false)
            }
            Err(error) => Err(OrdersError::Workflow(Chain(error).to_string())),
        }
    }
}
