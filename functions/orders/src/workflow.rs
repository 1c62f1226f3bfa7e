//! The checkout workflow: an execution of the state machine, named after its order.

use aws_config::SdkConfig;
use aws_sdk_sfn::{Client, operation::start_execution::StartExecutionError};
use contracts::{Cause, CheckoutStarted};
use kernel::Chain;
use lambda::env;
use serde::Serialize;

use crate::OrdersError;

pub(crate) struct Workflow {
    client: Client,
    state_machine: String,
}

/// The input of an execution; every task gets the whole of it.
#[derive(Serialize)]
struct Input<'a> {
    #[serde(flatten)]
    checkout: &'a CheckoutStarted,
    #[serde(flatten)]
    cause: &'a Cause,
}

impl Workflow {
    pub(crate) fn connect(config: &SdkConfig) -> Result<Self, lambda::Error> {
        Ok(Self { client: Client::new(config), state_machine: env("STATE_MACHINE_ARN")? })
    }

    /// Starts the checkout of an order; started before is started.
    pub(crate) async fn start(&self, checkout: &CheckoutStarted, cause: &Cause) -> Result<(), OrdersError> {
        let input = serde_json::to_string(&Input { checkout, cause })
            .map_err(|error| OrdersError::Workflow(error.to_string()))?;
        let started = self
            .client
            .start_execution()
            .state_machine_arn(&self.state_machine)
            .name(checkout.order_id.to_string())
            .input(input)
            .send()
            .await;
        match started {
            Ok(_) => Ok(()),
            Err(error) if matches!(error.as_service_error(), Some(StartExecutionError::ExecutionAlreadyExists(_))) => {
                Ok(())
            }
            Err(error) => Err(OrdersError::Workflow(Chain(error).to_string())),
        }
    }
}
