//! The health of this context: its table and queues, as in every context, and the circuit of the payment provider.

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

/// Checks the context's table, its queues and the circuit of its provider.
pub struct Health {
    context: health::Health,
    table: Table,
    provider: String,
}

impl Health {
    /// Connects to the context's table and queues.
    ///
    /// # Errors
    /// If the template did not set a variable.
    pub fn connect(config: &SdkConfig) -> Result<Self, Error> {
        Ok(Self {
            context: health::Health::connect(config, "payments")?,
            table: Table::connect(config, env("TABLE_NAME")?),
            provider: env("PAYMENT_PROVIDER")?,
        })
    }

    pub(crate) async fn respond(&self, now: Timestamp) -> Reply {
        self.context.respond(now, async { Some(self.provider().await) }).await
    }

    /// Reads the circuit of the provider, which is not written before the first failure.
    async fn provider(&self) -> Option<FoundProvider> {
        let circuit =
            in_time(&self.provider, self.table.get_eventually_consistent(&circuit_key(&self.provider))).await?;
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
    fn circuit_states_have_the_same_names_in_the_table_and_in_the_response() {
        for state in [State::Closed, State::Open, State::HalfOpen] {
            let json = to_value(health::Circuit::from(state)).expect("JSON");
            assert_eq!(from_value::<State>(json).ok(), Some(state));
        }
        assert!(from_value::<State>(json!("ajar")).is_err());
    }

    #[test]
    fn a_circuit_that_was_never_written_is_closed() {
        let found = found(None);
        assert_eq!((found.circuit, found.since), (health::Circuit::Closed, None));
    }
}
