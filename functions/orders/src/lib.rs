//! Places orders at the prices of the catalog, and records what becomes of them.
//!
//! An order is the sum of its events ([`domain::Order`]); its event log is also the outbox. The context has replicas of
//! what it needs of users, products and payments, which the events of their contexts update.

pub mod api;
mod changes;
pub mod consumers;
pub mod domain;
mod error;
pub mod placement;
mod reads;
pub mod rebuild;
pub mod saga;
pub mod schedules;
pub mod seed;
pub mod store;
mod unfinished;
mod workflow;

use aws_config::SdkConfig;
use dynamo::Table;
use lambda::{env, limit::Limiter, policy::Limit};

use crate::{store::Store, workflow::Workflow};
pub use error::OrdersError;

/// The use cases of the orders context.
pub struct Orders {
    store: Store,
    /// The payment method of a checkout that names none. Not set where payments are real.
    default_payment_method: Option<String>,
    workflow: Option<Workflow>,
    limiter: Option<Limiter>,
}

impl Orders {
    /// Connects to the table of the context with the SDK configuration of the environment.
    ///
    /// # Errors
    /// If the template did not set a variable.
    pub fn connect(config: &SdkConfig) -> Result<Self, lambda::Error> {
        let default_payment_method = env("DEFAULT_PAYMENT_METHOD").ok().filter(|method| !method.is_empty());
        Ok(Self { default_payment_method, ..Self::over(Table::connect(config, env("TABLE_NAME")?)) })
    }

    /// Uses `table`, without a workflow, a rate limit or a default payment method.
    pub fn over(table: Table) -> Self {
        Self { store: Store::new(table), default_payment_method: None, workflow: None, limiter: None }
    }

    /// Adds the checkout workflow, for the functions that start it.
    ///
    /// # Errors
    /// If the template did not set a variable.
    pub fn with_workflow(self, config: &SdkConfig) -> Result<Self, lambda::Error> {
        Ok(Self { workflow: Some(Workflow::connect(config)?), ..self })
    }

    /// Adds the customers' rate limit, for the functions that place orders. It is read and charged in the same read and
    /// the same transaction as the order.
    ///
    /// # Errors
    /// If the template did not set a variable.
    pub fn with_limiter(self) -> Result<Self, lambda::Error> {
        Ok(Self { limiter: Some(Limiter::over(self.store.table().clone(), Limit::Writes)?), ..self })
    }

    fn workflow(&self) -> Result<&Workflow, OrdersError> {
        self.workflow.as_ref().ok_or_else(|| OrdersError::Workflow("it is not configured".to_owned()))
    }

    fn default_payment_method(&self) -> Option<&str> {
        self.default_payment_method.as_deref()
    }
}
