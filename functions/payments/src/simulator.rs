//! A payment provider to try the shop with: no money moves. It keeps books of its own, as a real one does, so that what it was
//! asked and what is recorded of it can be compared.
//!
//! | means of payment | what happens |
//! | --- | --- |
//! | `pm_card_visa` | succeeds |
//! | `pm_card_chargeDeclined` | is declined |
//! | `pm_card_timeout` | sets the money aside, but never answers |
//! | `pm_card_failsOnce` | fails the first time, then succeeds |
//! | `pm_card_slow` | succeeds after two seconds |
//!
//! Any other is declined. The names of the first two are those of Stripe's test cards.

use std::time::Duration;

use dynamo::{Key, StoreError, Table, Write, item, text};
use kernel::{Money, OrderId};
use serde::{Deserialize, Serialize};

use crate::{
    PaymentsError,
    provider::{Undone, Verdict},
};

pub(crate) struct Simulator {
    books: Table,
    delay: Duration,
}

/// What the simulator knows of an order: `SIMULATOR#<order>`, `INTENT`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Intent {
    state: State,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    amount: Option<Money>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    FailedOnce,
    Authorized,
    Declined,
    Captured,
    Voided,
    Refunded,
}

fn key(order_id: OrderId) -> Key {
    Key::new(format!("SIMULATOR#{order_id}"), "INTENT")
}

impl Simulator {
    pub(crate) fn new(books: Table, delay: Duration) -> Self {
        Self { books, delay }
    }

    pub(crate) async fn authorize(&self, id: OrderId, amount: Money, method: &str) -> Result<Verdict, PaymentsError> {
        tokio::time::sleep(self.delay).await;
        if method == "pm_card_slow" {
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        let (from, intent) = match self.books.get::<Intent>(&key(id)).await? {
            Some(_) if method == "pm_card_timeout" => std::future::pending().await,
            Some(intent) if intent.state != State::FailedOnce => {
                return Ok(verdict(intent.state, method));
            }
            seen => {
                let state = match method {
                    "pm_card_failsOnce" if seen.is_none() => State::FailedOnce,
                    "pm_card_visa" | "pm_card_timeout" | "pm_card_failsOnce" | "pm_card_slow" => State::Authorized,
                    _ => State::Declined,
                };
                (seen.map(|intent| intent.state), Intent { state, amount: Some(amount) })
            }
        };
        if !self.write(id, from, &intent).await? {
            return Err(PaymentsError::Unavailable("the provider met another request for this order".to_owned()));
        }
        match (intent.state, method) {
            (State::FailedOnce, _) => Err(PaymentsError::Unavailable("the provider failed".to_owned())),
            (_, "pm_card_timeout") => std::future::pending().await,
            (state, _) => Ok(verdict(state, method)),
        }
    }

    pub(crate) async fn capture(&self, id: OrderId) -> Result<bool, PaymentsError> {
        tokio::time::sleep(self.delay).await;
        match self.books.get::<Intent>(&key(id)).await? {
            Some(Intent { state: State::Captured, .. }) => Ok(true),
            Some(Intent { state: State::Authorized, amount }) => {
                self.step(id, State::Authorized, Intent { state: State::Captured, amount }).await?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    pub(crate) async fn undo(&self, id: OrderId) -> Result<Undone, PaymentsError> {
        match self.books.get::<Intent>(&key(id)).await? {
            Some(Intent { state: State::Captured, amount }) => {
                self.step(id, State::Captured, Intent { state: State::Refunded, amount }).await?;
                Ok(Undone::Refunded)
            }
            Some(Intent { state: state @ (State::Authorized | State::FailedOnce), amount }) => {
                self.step(id, state, Intent { state: State::Voided, amount }).await?;
                Ok(Undone::Voided)
            }
            Some(Intent { state: State::Refunded, .. }) => Ok(Undone::Refunded),
            Some(Intent { state: State::Declined | State::Voided, .. }) => Ok(Undone::Nothing),
            None => {
                if self.write(id, None, &Intent { state: State::Voided, amount: None }).await? {
                    Ok(Undone::Nothing)
                } else {
                    Err(PaymentsError::Unavailable("the provider met another request for this order".to_owned()))
                }
            }
        }
    }

    async fn step(&self, id: OrderId, from: State, to: Intent) -> Result<(), PaymentsError> {
        if self.write(id, Some(from), &to).await? {
            Ok(())
        } else {
            Err(PaymentsError::Unavailable("the provider met another request for this order".to_owned()))
        }
    }

    /// Whether the books still said `from`.
    async fn write(&self, id: OrderId, from: Option<State>, intent: &Intent) -> Result<bool, StoreError> {
        let put = Write::put(item(&key(id), intent)?);
        let write = match from {
            Some(state) => {
                let state = serde_json::to_value(state)
                    .map_err(|error| StoreError::unreadable("the simulator's books", error))?;
                put.only_if("#state = :from").with([text(":from", state.as_str().unwrap_or_default())])
            }
            None => put.if_absent(),
        };
        self.books.transact_if_allowed(vec![write]).await
    }
}

fn verdict(state: State, method: &str) -> Verdict {
    let declined = |reason: &str| Verdict::Declined { reason: reason.to_owned() };
    match state {
        State::Authorized | State::Captured => Verdict::Approved,
        State::Declined if method == "pm_card_chargeDeclined" => declined("card_declined"),
        State::Declined => declined("unknown_payment_method"),
        State::Voided | State::Refunded | State::FailedOnce => declined("payment_canceled"),
    }
}
