//! The payment provider: what is asked of it, and how long we wait for the answer.
//!
//! Every call names the order, on which the provider is idempotent: asked twice, it does the thing once.

use std::{future::Future, time::Duration};

use dynamo::Table;
use kernel::OrderId;
use lambda::env;

use crate::{Due, PaymentsError, simulator::Simulator};

/// What the provider says of an authorization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The money is set aside.
    Approved,
    /// The bank said no.
    Declined {
        /// The provider's word for why.
        reason: String,
    },
}

/// What there was to undo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undone {
    /// Nothing, or it was undone before.
    Nothing,
    /// What was set aside is free again.
    Voided,
    /// What was taken went back.
    Refunded,
}

/// The provider that the template names.
pub(crate) struct Provider {
    simulator: Simulator,
    timeout: Duration,
}

impl Provider {
    pub(crate) fn connect(table: Table) -> Result<Self, lambda::Error> {
        let millis = |name: &str| -> Result<Duration, lambda::Error> { Ok(Duration::from_millis(env(name)?.parse()?)) };
        let simulator = Simulator::new(table, millis("SIMULATOR_DELAY_MS")?);
        Ok(Self { simulator, timeout: millis("PROVIDER_TIMEOUT_MS")? })
    }

    /// Sets the money of an order aside.
    pub(crate) async fn authorize(&self, due: &Due, method: &str) -> Result<Verdict, PaymentsError> {
        self.in_time(self.simulator.authorize(due.order_id, due.total, method)).await
    }

    /// Takes what is set aside; whether it could.
    pub(crate) async fn capture(&self, order_id: OrderId) -> Result<bool, PaymentsError> {
        self.in_time(self.simulator.capture(order_id)).await
    }

    /// Gives back what is set aside or taken; what is asked for later is declined.
    pub(crate) async fn undo(&self, order_id: OrderId) -> Result<Undone, PaymentsError> {
        self.in_time(self.simulator.undo(order_id)).await
    }

    async fn in_time<T>(&self, call: impl Future<Output = Result<T, PaymentsError>>) -> Result<T, PaymentsError> {
        let late = |_| PaymentsError::Unavailable(format!("no answer within {} ms", self.timeout.as_millis()));
        tokio::time::timeout(self.timeout, call).await.map_err(late)?
    }
}
