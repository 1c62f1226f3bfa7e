//! The circuit breaker: every call to the provider goes through [`Breaker::guard`].

use std::{future::Future, sync::Mutex};

use dynamo::{Key, StoreError, Table, Write, item, number};
use kernel::{OrderId, Timestamp};
use lambda::metric;

use super::circuit::{Admission, Circuit, RecentCalls, State};
use crate::{PaymentsError, domain::Answer};

/// How often the report of a failure is written if it conflicts with others. After that, the failure is not reported.
const MAX_ATTEMPTS: usize = 4;

/// The circuit breaker of a provider, whose circuit is in the table.
pub(crate) struct Breaker {
    table: Table,
    provider: &'static str,
    /// How many orders have to meet a failure before the circuit opens.
    threshold: usize,
    /// The calls of this environment that are not in the table yet.
    unreported: Mutex<RecentCalls>,
}

/// Returns the key of a provider's circuit.
pub(crate) fn circuit_key(provider: &str) -> Key {
    Key::new("CIRCUIT", provider)
}

impl Breaker {
    pub(crate) fn new(table: Table, provider: &'static str, threshold: usize) -> Self {
        Self { table, provider, threshold, unreported: Mutex::default() }
    }

    pub(crate) fn key(&self) -> Key {
        circuit_key(self.provider)
    }

    /// Returns the result of `call`, which is not polled while the circuit is open. `circuit` is the circuit as it was
    /// read, and afterwards the latest one that is known.
    ///
    /// # Errors
    /// [`PaymentsError::CircuitOpen`] if the provider was not called, otherwise the error of the call.
    pub(crate) async fn guard(
        &self,
        circuit: &mut Option<Circuit>,
        order_id: OrderId,
        call: impl Future<Output = Result<Answer, PaymentsError>>,
    ) -> Result<Answer, PaymentsError> {
        let probe = self.admit(circuit).await?;
        let answer = call.await;
        // Only a missing response and a server error of the provider count as failures. A refusal is an answer, and an
        // error of our own table says nothing about the provider.
        let succeeded = match &answer {
            Ok(_) => true,
            Err(PaymentsError::Unavailable(_)) => false,
            Err(_) => return answer,
        };
        let reported = match probe {
            Some(probe) => self.end_probe(circuit, &probe, succeeded).await,
            None if succeeded => {
                self.count(order_id, true, Timestamp::now());
                Ok(())
            }
            None => self.report_failure(circuit, order_id).await,
        };
        if let Err(error) = reported {
            tracing::warn!(%error, provider = self.provider, "the circuit could not be written to the table");
        }
        answer
    }

    /// Returns the half-open circuit if this caller is the one that probes the provider, or `None` if the circuit is
    /// closed.
    async fn admit(&self, circuit: &mut Option<Circuit>) -> Result<Option<Circuit>, PaymentsError> {
        match Circuit::admit(circuit.as_ref(), Timestamp::now()) {
            Admission::Allowed => Ok(None),
            Admission::Rejected => Err(self.reject(circuit.as_ref())),
            Admission::Probe(next) => {
                if !self.write(circuit.as_ref(), &next).await? {
                    return Err(self.reject(Some(&next)));
                }
                self.report_state(&next);
                *circuit = Some(next.clone());
                Ok(Some(next))
            }
        }
    }

    fn reject(&self, circuit: Option<&Circuit>) -> PaymentsError {
        let level = circuit.map_or(State::Closed, |circuit| circuit.state).level();
        let values = [("payment_circuit_state", level.into()), ("payment_circuit_refusals_total", 1)];
        metric::count(&[("provider", self.provider)], &values);
        PaymentsError::CircuitOpen
    }

    async fn end_probe(
        &self,
        circuit: &mut Option<Circuit>,
        probe: &Circuit,
        succeeded: bool,
    ) -> Result<(), StoreError> {
        let next = probe.after_probe(succeeded, Timestamp::now(), rand::random());
        // If another probe replaced this one because it took too long, the other one decides.
        if self.write(Some(probe), &next).await? {
            self.report_state(&next);
            *circuit = Some(next);
        }
        Ok(())
    }

    async fn report_failure(&self, circuit: &mut Option<Circuit>, order_id: OrderId) -> Result<(), StoreError> {
        let now = Timestamp::now();
        let calls = self.count(order_id, false, now);
        for _ in 0..MAX_ATTEMPTS {
            let Some(next) = Circuit::after_failure(circuit.as_ref(), &calls, self.threshold, now, rand::random())
            else {
                self.clear_unreported();
                return Ok(());
            };
            if self.write(circuit.as_ref(), &next).await? {
                if next.state == State::Open {
                    self.report_state(&next);
                }
                self.clear_unreported();
                *circuit = Some(next);
                return Ok(());
            }
            *circuit = self.table.get(&self.key()).await?;
        }
        Ok(())
    }

    /// Counts a call, and returns all calls that are not in the table yet.
    fn count(&self, order_id: OrderId, succeeded: bool, now: Timestamp) -> RecentCalls {
        let mut unreported = self.unreported.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        unreported.count(order_id, succeeded, now);
        unreported.clone()
    }

    fn clear_unreported(&self) {
        *self.unreported.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = RecentCalls::default();
    }

    /// Returns `false`, and writes nothing, if the circuit has changed since it was read.
    async fn write(&self, seen: Option<&Circuit>, next: &Circuit) -> Result<bool, StoreError> {
        let put = Write::put(item(&self.key(), next)?);
        self.table
            .write_if_allowed(match seen {
                Some(seen) => put.only_if("#version = :seen").with([number(":seen", seen.version)]),
                None => put.if_absent(),
            })
            .await
    }

    fn report_state(&self, circuit: &Circuit) {
        metric::count(&[("provider", self.provider)], &[("payment_circuit_state", circuit.state.level().into())]);
        tracing::warn!(provider = self.provider, circuit = ?circuit.state, "the payment provider's circuit changed");
    }
}
