//! The payment provider: what is asked of it, and how long we wait for the answer.
//!
//! Every call names the order, on which the provider is idempotent: asked twice, it does the thing once.

pub mod books;
pub(crate) mod breaker;
pub(crate) mod circuit;
mod secret;
mod simulator;
pub mod stripe;

use std::time::Duration;

use aws_config::SdkConfig;
use dynamo::Table;
use kernel::{Money, RefundId};
use lambda::env;

use crate::{PaymentsError, domain::Due};
use simulator::Simulator;
use stripe::Stripe;

/// What a provider is asked to do for an order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Call {
    /// Set its total aside.
    Authorize {
        /// By this means of payment, a token of the provider's.
        method: String,
    },
    /// Take what is set aside.
    Capture,
    /// Free what is set aside; what is asked for later is declined, even if nothing was asked for before.
    Void,
    /// Give a part back of what was taken.
    Refund {
        /// Once for this id.
        id: RefundId,
        /// How much.
        amount: Money,
    },
}

/// What a provider says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Answer {
    /// To authorize: the money is set aside.
    Approved {
        /// What the provider calls it.
        reference: String,
    },
    /// To authorize: the bank said no, for good.
    Declined {
        /// The provider's word for why.
        reason: String,
    },
    /// To capture: the money is taken, now or before.
    Captured,
    /// To capture: it is not, and never will be.
    CaptureRefused {
        /// The provider's word for why.
        reason: String,
    },
    /// To void: nothing is set aside, now or ever.
    Voided,
    /// To void: too late, the money is taken.
    WasCaptured,
    /// To refund: the money went back, now or before.
    Refunded,
    /// To refund: it did not, and will not.
    RefundRefused {
        /// The provider's word for why.
        reason: String,
    },
}

/// The provider that the template names.
pub struct Provider {
    side: Side,
    timeout: Duration,
}

enum Side {
    Simulator(Simulator),
    Stripe(Stripe),
}

/// The means of payment there are; nothing, if only the provider can tell.
pub(crate) fn methods() -> Result<Option<Vec<&'static str>>, lambda::Error> {
    let is_simulated = env("PAYMENT_PROVIDER")? == "simulator";
    Ok(is_simulated.then(|| books::CARDS.iter().map(|(card, _)| *card).collect()))
}

fn millis(name: &str) -> Result<Duration, lambda::Error> {
    Ok(Duration::from_millis(env(name)?.parse()?))
}

impl Provider {
    /// The one that the environment names.
    pub(crate) fn connect(config: &SdkConfig, table: Table) -> Result<Self, lambda::Error> {
        let timeout = millis("PROVIDER_TIMEOUT_MS")?;
        match env("PAYMENT_PROVIDER")?.as_str() {
            "simulator" => Ok(Self::simulator(table, millis("SIMULATOR_DELAY_MS")?, timeout)),
            "stripe" => Ok(Self::stripe(Stripe::from_env(config)?, timeout)),
            other => Err(format!("PAYMENT_PROVIDER has to be simulator or stripe, not {other:?}").into()),
        }
    }

    /// The simulator, with its books in `table`.
    pub fn simulator(table: Table, delay: Duration, timeout: Duration) -> Self {
        Self { side: Side::Simulator(Simulator::new(table, delay)), timeout }
    }

    /// An account at Stripe.
    pub fn stripe(stripe: Stripe, timeout: Duration) -> Self {
        Self { side: Side::Stripe(stripe), timeout }
    }

    /// What it is called where several could be meant.
    pub(crate) fn name(&self) -> &'static str {
        match self.side {
            Side::Simulator(_) => "simulator",
            Side::Stripe(_) => "stripe",
        }
    }

    /// Asks for `call` to be done for the order of `due`; `reference` is what the provider called it, if that is known.
    ///
    /// # Errors
    /// When it does not answer in time, or with a fault of its own: what became of the call is not known then.
    pub async fn ask(&self, due: &Due, reference: Option<&str>, call: &Call) -> Result<Answer, PaymentsError> {
        let late = |_| PaymentsError::Unavailable(format!("no answer within {} ms", self.timeout.as_millis()));
        let answer = async {
            match &self.side {
                Side::Simulator(simulator) => simulator.ask(due, call).await,
                Side::Stripe(stripe) => stripe.ask(due, reference, call).await,
            }
        };
        tokio::time::timeout(self.timeout, answer).await.map_err(late)?
    }
}
