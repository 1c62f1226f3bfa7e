//! The health of this context: what every context has, and whether the payment provider is asked.

use aws_config::SdkConfig;
use dynamo::Table;
use kernel::Timestamp;
use lambda::{
    Error, env,
    health::{self, FoundProvider, in_time},
    http::Reply,
};

use crate::provider::{
    breaker::circuit_key,
    circuit::{Circuit, State},
};

/// Looks at the context's table, its queues and the circuit of its provider.
pub struct Health {
    context: health::Health,
    table: Table,
    provider: String,
}

impl Health {
    /// Over the environment's one configuration.
    ///
    /// # Errors
    /// When the template did not set a variable.
    pub fn connect(config: &SdkConfig) -> Result<Self, Error> {
        Ok(Self {
            context: health::Health::connect(config, "payments")?,
            table: Table::connect(config, env("TABLE_NAME")?),
            provider: env("PAYMENT_PROVIDER")?,
        })
    }

    pub(crate) async fn answer(&self, now: Timestamp) -> Reply {
        self.context.answer(now, async { Some(self.provider().await) }).await
    }

    /// Whether the provider is asked: what was written down of that, which is nothing as long as all was well.
    async fn provider(&self) -> Option<FoundProvider> {
        let circuit = in_time(&self.provider, self.table.get_of_late(&circuit_key(&self.provider))).await?;
        Some(found(circuit.as_ref()))
    }
}

fn found(circuit: Option<&Circuit>) -> FoundProvider {
    let state = circuit.map_or(State::Closed, |circuit| circuit.state);
    FoundProvider { circuit: state.into(), since: circuit.map(|circuit| circuit.since) }
}

impl From<State> for health::Circuit {
    fn from(state: State) -> Self {
        match state {
            State::Closed => Self::Closed,
            State::Open => Self::Open,
            State::HalfOpen => Self::HalfOpen,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json, to_value};

    use super::*;

    #[test]
    fn a_circuit_is_read_as_it_is_said() {
        for state in [State::Closed, State::Open, State::HalfOpen] {
            let said = to_value(health::Circuit::from(state)).expect("JSON");
            assert_eq!(from_value::<State>(said).ok(), Some(state));
        }
        assert!(from_value::<State>(json!("ajar")).is_err());
    }

    #[test]
    fn a_provider_that_was_always_well_has_no_circuit() {
        let found = found(None);
        assert_eq!((found.circuit, found.since), (health::Circuit::Closed, None));
    }
}
