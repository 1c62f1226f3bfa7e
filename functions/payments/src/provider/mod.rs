//! The payment provider, which is the simulator or Stripe, and its time limit.
//!
//! Every call names the order, on which the provider is idempotent: a repeated call has its effect only once.

pub(crate) mod breaker;
pub(crate) mod circuit;
pub mod ledger;
mod secret;
mod simulator;
pub mod stripe;

use std::time::Duration;

use aws_config::SdkConfig;
use dynamo::Table;
use lambda::env;

use crate::{PaymentsError, domain::Due};
use simulator::Simulator;
use stripe::Stripe;

pub use crate::domain::{Answer, Call};

/// The payment provider.
pub struct Provider {
    backend: Backend,
    timeout: Duration,
}

enum Backend {
    Simulator(Simulator),
    Stripe(Stripe),
}

/// Returns the payment methods that exist, or `None` if only the provider knows.
pub(crate) fn methods() -> Result<Option<Vec<&'static str>>, lambda::Error> {
    let is_simulated = env("PAYMENT_PROVIDER")? == "simulator";
    Ok(is_simulated.then(|| ledger::CARDS.iter().map(|(card, _)| *card).collect()))
}

fn millis(name: &str) -> Result<Duration, lambda::Error> {
    Ok(Duration::from_millis(env(name)?.parse()?))
}

impl Provider {
    /// Connects to the provider that the environment variables name.
    pub(crate) fn connect(config: &SdkConfig, table: Table) -> Result<Self, lambda::Error> {
        let timeout = millis("PROVIDER_TIMEOUT_MS")?;
        match env("PAYMENT_PROVIDER")?.as_str() {
            "simulator" => Ok(Self::simulator(table, millis("SIMULATOR_DELAY_MS")?, timeout)),
            "stripe" => Ok(Self::stripe(Stripe::from_env(config)?, timeout)),
            other => Err(format!("PAYMENT_PROVIDER must be simulator or stripe, not {other:?}").into()),
        }
    }

    /// Creates a simulator with its ledger in `table`.
    pub fn simulator(table: Table, delay: Duration, timeout: Duration) -> Self {
        Self { backend: Backend::Simulator(Simulator::new(table, delay)), timeout }
    }

    /// Creates a provider for an account at Stripe.
    pub fn stripe(stripe: Stripe, timeout: Duration) -> Self {
        Self { backend: Backend::Stripe(stripe), timeout }
    }

    /// Returns the name of the provider in the table and in metrics.
    pub(crate) fn name(&self) -> &'static str {
        match self.backend {
            Backend::Simulator(_) => "simulator",
            Backend::Stripe(_) => "stripe",
        }
    }

    /// Makes a call for the order of `due`. `reference` is the provider's id of the payment, if it is known.
    ///
    /// # Errors
    /// If the provider does not respond in time, or responds with a server error. The call may have had its effect
    /// then.
    pub async fn ask(&self, due: &Due, reference: Option<&str>, call: &Call) -> Result<Answer, PaymentsError> {
        let late = |_| PaymentsError::Unavailable(format!("no response within {} ms", self.timeout.as_millis()));
        let answer = async {
            match &self.backend {
                Backend::Simulator(simulator) => simulator.ask(due, call).await,
                Backend::Stripe(stripe) => stripe.ask(due, reference, call).await,
            }
        };
        tokio::time::timeout(self.timeout, answer).await.map_err(late)?
    }
}
