//! The circuit in the table: who asks the provider goes through [`Breaker::guard`].

use std::{future::Future, sync::Mutex};

use dynamo::{Key, StoreError, Table, Write, item, number};
use kernel::{OrderId, Timestamp};
use lambda::metric;

use super::{
    Answer,
    circuit::{Admission, Circuit, Recent, State},
};
use crate::PaymentsError;

/// How often a report of a failure is tried that meets others; after that it is one failure less to be counted.
const TRIES: usize = 4;

/// Asks the provider, unless it is known to be down.
pub(crate) struct Breaker {
    table: Table,
    provider: &'static str,
    /// How many orders have to meet a failure before nobody asks any more.
    enough: usize,
    /// The calls of this environment that were not reported yet.
    unreported: Mutex<Recent>,
}

/// Where the circuit of a provider lies.
pub(crate) fn circuit_key(provider: &str) -> Key {
    Key::new("CIRCUIT", provider)
}

impl Breaker {
    pub(crate) fn new(table: Table, provider: &'static str, enough: usize) -> Self {
        Self { table, provider, enough, unreported: Mutex::default() }
    }

    pub(crate) fn key(&self) -> Key {
        circuit_key(self.provider)
    }

    /// What the provider says to `asking`, which is not polled while the provider is known to be down. `circuit` is what was read of
    /// it; afterwards it is as far as that is known then.
    ///
    /// # Errors
    /// [`PaymentsError::CircuitOpen`] if it was not asked; what went wrong, if it was.
    pub(crate) async fn guard(
        &self,
        circuit: &mut Option<Circuit>,
        order_id: OrderId,
        asking: impl Future<Output = Result<Answer, PaymentsError>>,
    ) -> Result<Answer, PaymentsError> {
        let probe = self.admit(circuit).await?;
        let answer = asking.await;
        // Only silence and faults of the provider count: a refusal is an answer, and our own table is not the provider.
        let is_well = match &answer {
            Ok(_) => true,
            Err(PaymentsError::Unavailable(_)) => false,
            Err(_) => return answer,
        };
        let reported = match probe {
            Some(probe) => self.end_probe(circuit, &probe, is_well).await,
            None if is_well => {
                self.count(order_id, true, Timestamp::now());
                Ok(())
            }
            None => self.report_failure(circuit, order_id).await,
        };
        if let Err(error) = reported {
            tracing::warn!(%error, provider = self.provider, "the circuit could not be written");
        }
        answer
    }

    /// The circuit as this caller wrote it, if it is the one that asks while all others are refused.
    async fn admit(&self, circuit: &mut Option<Circuit>) -> Result<Option<Circuit>, PaymentsError> {
        match Circuit::admit(circuit.as_ref(), Timestamp::now()) {
            Admission::Ask => Ok(None),
            Admission::Refused => Err(self.refuse(circuit.as_ref())),
            Admission::Probe(next) => {
                if !self.write(circuit.as_ref(), &next).await? {
                    return Err(self.refuse(Some(&next)));
                }
                self.tell(&next);
                *circuit = Some(next.clone());
                Ok(Some(next))
            }
        }
    }

    fn refuse(&self, circuit: Option<&Circuit>) -> PaymentsError {
        let level = circuit.map_or(State::Closed, |circuit| circuit.state).level();
        let values = [("payment_circuit_state", level.into()), ("payment_circuit_refusals_total", 1)];
        metric::count(&[("provider", self.provider)], &values);
        PaymentsError::CircuitOpen
    }

    async fn end_probe(&self, circuit: &mut Option<Circuit>, probe: &Circuit, is_well: bool) -> Result<(), StoreError> {
        let next = probe.after_probe(is_well, Timestamp::now(), rand::random());
        // If it was replaced for taking too long, the other one decides.
        if self.write(Some(probe), &next).await? {
            self.tell(&next);
            *circuit = Some(next);
        }
        Ok(())
    }

    async fn report_failure(&self, circuit: &mut Option<Circuit>, order_id: OrderId) -> Result<(), StoreError> {
        let now = Timestamp::now();
        let calls = self.count(order_id, false, now);
        for _ in 0..TRIES {
            let Some(next) = Circuit::after_failure(circuit.as_ref(), &calls, self.enough, now, rand::random()) else {
                self.forget();
                return Ok(());
            };
            if self.write(circuit.as_ref(), &next).await? {
                if next.state == State::Open {
                    self.tell(&next);
                }
                self.forget();
                *circuit = Some(next);
                return Ok(());
            }
            *circuit = self.table.get(&self.key()).await?;
        }
        Ok(())
    }

    /// Takes note of a call; all that were not reported yet.
    fn count(&self, order_id: OrderId, succeeded: bool, now: Timestamp) -> Recent {
        let mut unreported = self.unreported.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        unreported.count(order_id, succeeded, now);
        unreported.clone()
    }

    fn forget(&self) {
        *self.unreported.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Recent::default();
    }

    /// Whether nobody had written it since it was read.
    async fn write(&self, seen: Option<&Circuit>, next: &Circuit) -> Result<bool, StoreError> {
        let put = Write::put(item(&self.key(), next)?);
        self.table
            .write_if_allowed(match seen {
                Some(seen) => put.only_if("#version = :seen").with([number(":seen", seen.version)]),
                None => put.if_absent(),
            })
            .await
    }

    fn tell(&self, circuit: &Circuit) {
        metric::count(&[("provider", self.provider)], &[("payment_circuit_state", circuit.state.level().into())]);
        tracing::warn!(provider = self.provider, circuit = ?circuit.state, "the payment provider's circuit");
    }
}
