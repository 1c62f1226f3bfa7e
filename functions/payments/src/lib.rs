//! Payments: authorizes the amount of an order before the sale is confirmed, captures it once afterwards, or gives it
//! back.
//!
//! The money moves at the provider; the payment in the table records what is known about it. A function may die between
//! the two, so every call to the provider is idempotent on the order, and the record is read again before each call.
//! The [`domain`] decides the next step from the recorded payment and the provider's last answer alone.

pub mod api;
mod apply_stripe_event;
pub mod consumers;
pub mod domain;
mod error;
mod health;
pub mod provider;
mod reads;
mod refunds;
mod requests;
pub mod saga;
pub mod schedules;
mod store;

use aws_config::SdkConfig;
use contracts::Cause;
use dynamo::Table;
use kernel::Timestamp;
use lambda::env;

use crate::{
    domain::{Answer, Due, Payment, Refusal, Status, Step},
    provider::{Provider, breaker::Breaker, circuit::Circuit},
    store::{Change, Store},
};
pub use error::PaymentsError;
pub use health::Health;
pub use refunds::RefundRequest;

/// The use cases of payments.
pub struct Payments {
    store: Store,
    provider: Option<(Provider, Breaker)>,
    /// The payment methods that exist, if the provider lists them.
    methods: Option<Vec<&'static str>>,
}

/// How many orders have to meet a failure of the provider before the circuit opens, unless the template sets another
/// number.
const CIRCUIT_ORDERS: usize = 5;

/// How many conflicts with other writes are accepted before a use case fails.
const MAX_CONFLICTS: usize = 6;

impl Payments {
    /// Creates the use cases without a provider.
    ///
    /// # Errors
    /// If the template did not set a variable.
    pub fn connect(config: &SdkConfig) -> Result<Self, lambda::Error> {
        let store = Store::new(Table::connect(config, env("TABLE_NAME")?));
        Ok(Self { store, provider: None, methods: None })
    }

    /// Creates the use cases over a table and a provider.
    pub fn over(table: Table, provider: Provider) -> Self {
        let breaker = Breaker::new(table.clone(), provider.name(), CIRCUIT_ORDERS);
        Self { store: Store::new(table), provider: Some((provider, breaker)), methods: None }
    }

    /// Adds the provider, for the functions that move money.
    ///
    /// # Errors
    /// If the template did not set a variable.
    pub fn with_provider(self, config: &SdkConfig) -> Result<Self, lambda::Error> {
        let provider = Provider::connect(config, self.store.table().clone())?;
        let breaker = Breaker::new(self.store.table().clone(), provider.name(), env("CIRCUIT_ORDERS")?.parse()?);
        Ok(Self { provider: Some((provider, breaker)), ..self })
    }

    /// Adds the provider's payment methods, for the function that accepts requests to pay.
    ///
    /// # Errors
    /// If the template did not set a variable.
    pub fn with_methods(self) -> Result<Self, lambda::Error> {
        Ok(Self { methods: provider::methods()?, ..self })
    }

    /// Stores the replica of an order: its total, and who pays it.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn replicate_order(&self, due: &Due) -> Result<(), PaymentsError> {
        Ok(self.store.put_order_replica(due).await?)
    }

    /// Has the provider authorize the amount; does nothing if it is authorized already. If the provider is unavailable,
    /// the payment is recorded as pending.
    ///
    /// # Errors
    /// If the provider declines, the order has ended, or the provider or the table does not respond.
    pub async fn authorize(&self, due: &Due, method: &str, cause: &Cause) -> Result<(), PaymentsError> {
        let step = |known: Option<&Payment>, answer, now| domain::authorize(due, method, known, answer, now);
        let done = self.take_steps(due, step, cause).await;
        if let Err(PaymentsError::Unavailable(_) | PaymentsError::CircuitOpen) = &done {
            let now = Timestamp::now();
            let pending = Payment::new(due, method, Status::Pending, now);
            // A payment that is recorded by now is newer than this one, and the write is refused.
            self.store.write(change(None, &pending), now, cause).await?;
        }
        done.map(drop)
    }

    /// Has the provider capture the authorized amount; does nothing if it is captured already.
    ///
    /// # Errors
    /// If nothing is left to capture, or the provider or the table does not respond.
    pub async fn capture(&self, due: &Due, cause: &Cause) -> Result<(), PaymentsError> {
        self.take_steps(due, domain::capture, cause).await.map(drop)
    }

    /// Returns whether the amount was captured. The read is eventually consistent, which is enough, because a captured
    /// payment never becomes uncaptured.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn was_captured(&self, due: &Due) -> Result<bool, PaymentsError> {
        let known = self.store.of_order_eventually_consistent(due.user_id, due.order_id).await?;
        Ok(domain::capture(known.as_ref(), None, Timestamp::now()) == Step::Done)
    }

    /// Publishes, once, that the amount of a confirmed order can never be captured. The checkout does not need this,
    /// because it undoes the sale itself.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn give_up(&self, due: &Due, reason: &str, cause: &Cause) -> Result<(), PaymentsError> {
        self.take_steps(due, |known, _, now| domain::give_up(reason, known, now), cause).await.map(drop)
    }

    /// Voids or refunds whatever was authorized or captured for an order, and bars any further payment of it.
    ///
    /// # Errors
    /// If the provider refuses the refund, or the provider or the table does not respond.
    pub async fn undo(&self, due: &Due, cause: &Cause) -> Result<(), PaymentsError> {
        self.take_steps(due, |known, answer, now| domain::undo(due, known, answer, now), cause).await.map(drop)
    }

    /// Takes steps until none is left: asks the provider, records its answer, and publishes events. Returns the payment
    /// as it is then.
    ///
    /// A function that dies in between leaves a payment from which the same steps continue.
    async fn take_steps(
        &self,
        due: &Due,
        next: impl Fn(Option<&Payment>, Option<Answer>, Timestamp) -> Step,
        cause: &Cause,
    ) -> Result<Option<Payment>, PaymentsError> {
        let (mut known, mut circuit) = self.read(due).await?;
        let mut conflicts = 0;
        while conflicts < MAX_CONFLICTS {
            let now = Timestamp::now();
            let step = match next(known.as_ref(), None, now) {
                Step::Ask(call) => {
                    let not_configured = || PaymentsError::Unavailable("no provider is configured".to_owned());
                    let (provider, breaker) = self.provider.as_ref().ok_or_else(not_configured)?;
                    let reference = known.as_ref().and_then(|payment| payment.reference.as_deref());
                    let asking = provider.ask(due, reference, &call);
                    let answer = breaker.guard(&mut circuit, due.order_id, asking).await?;
                    next(known.as_ref(), Some(answer), now)
                }
                step => step,
            };
            match step {
                Step::Done => return Ok(known),
                Step::Refused(refusal) => return Err(PaymentsError::Refused(refusal, known.map(Box::new))),
                Step::Ask(_) => {
                    return Err(PaymentsError::Unavailable(
                        "the provider's answer does not match what it was asked".to_owned(),
                    ));
                }
                Step::Write { payment, events } => {
                    let change = Change { events, ..change(known.as_ref(), &payment) };
                    if self.store.write(change, now, cause).await? {
                        known = Some(*payment);
                    } else {
                        conflicts += 1;
                        (known, circuit) = self.read(due).await?;
                    }
                }
            }
        }
        Err(PaymentsError::Busy)
    }

    /// Reads the payment and, if there is a provider, its circuit, in one read.
    async fn read(&self, due: &Due) -> Result<(Option<Payment>, Option<Circuit>), PaymentsError> {
        Ok(match &self.provider {
            Some((_, breaker)) => self.store.of_order_with_circuit(due.user_id, due.order_id, breaker.key()).await?,
            None => (self.store.of_order(due.user_id, due.order_id).await?, None),
        })
    }
}

/// Returns a change of a payment without events and without a response to an idempotency key.
fn change<'a>(before: Option<&'a Payment>, payment: &'a Payment) -> Change<'a> {
    Change { payment, before, events: Vec::new(), response: None }
}

/// Returns the error for a payment that does not exist.
fn not_found() -> PaymentsError {
    PaymentsError::Refused(Refusal::NotFound, None)
}
