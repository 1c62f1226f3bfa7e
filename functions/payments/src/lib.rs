//! Payments: authorized before a sale is confirmed, captured once after it, or given back.
//!
//! Money moves at the provider; the payment here records what is known of it. Between the two a function may die, so every
//! call of the provider is idempotent on the order, and what was recorded is looked at again before anything is called. What is done
//! next is decided by [`domain`], from nothing but the two.

pub mod api;
pub mod consumers;
pub mod domain;
mod error;
mod health;
mod hearing;
pub mod provider;
mod reads;
mod refunds;
mod requests;
pub mod saga;
pub mod settling;
mod store;

use aws_config::SdkConfig;
use contracts::Cause;
use dynamo::Table;
use kernel::Timestamp;
use lambda::env;

use crate::{
    domain::{Due, Payment, Refusal, Status, Step},
    provider::{Answer, Provider, breaker::Breaker, circuit::Circuit},
    store::{Change, Store},
};
pub use error::PaymentsError;
pub use health::Health;
pub use refunds::RefundRequest;

/// The use cases of payments.
pub struct Payments {
    store: Store,
    provider: Option<(Provider, Breaker)>,
    /// The means of payment there are, if the provider lists them.
    methods: Option<Vec<&'static str>>,
}

/// How many orders have to meet a failure of the provider before it is not asked any more, unless the template says otherwise.
const FAILING_ORDERS: usize = 5;

/// How often others may come between a read and a write.
const TRIES: usize = 6;

impl Payments {
    /// Over the environment's one configuration.
    ///
    /// # Errors
    /// When the template did not set a variable.
    pub fn connect(config: &SdkConfig) -> Result<Self, lambda::Error> {
        let store = Store::new(Table::connect(config, env("TABLE_NAME")?));
        Ok(Self { store, provider: None, methods: None })
    }

    /// Over a table and a provider.
    pub fn over(table: Table, provider: Provider) -> Self {
        let breaker = Breaker::new(table.clone(), provider.name(), FAILING_ORDERS);
        Self { store: Store::new(table), provider: Some((provider, breaker)), methods: None }
    }

    /// With the provider, for the functions that move money.
    ///
    /// # Errors
    /// When the template did not set a variable.
    pub fn with_provider(self, config: &SdkConfig) -> Result<Self, lambda::Error> {
        let provider = Provider::connect(config, self.store.table().clone())?;
        let breaker = Breaker::new(self.store.table().clone(), provider.name(), env("CIRCUIT_ORDERS")?.parse()?);
        Ok(Self { provider: Some((provider, breaker)), ..self })
    }

    /// With what is known of the provider's means of payment, for the function that takes payments in.
    ///
    /// # Errors
    /// When the template did not set a variable.
    pub fn with_methods(self) -> Result<Self, lambda::Error> {
        Ok(Self { methods: provider::methods()?, ..self })
    }

    /// Keeps what an order costs, and whom.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn remember(&self, due: &Due) -> Result<(), PaymentsError> {
        Ok(self.store.remember_order(due).await?)
    }

    /// Has the provider set the money aside; done before is done. While the provider is away the payment is pending.
    ///
    /// # Errors
    /// When the provider declines, the order has ended, or nobody answers.
    pub async fn authorize(&self, due: &Due, method: &str, cause: &Cause) -> Result<(), PaymentsError> {
        let step = |known: Option<&Payment>, answer, now| domain::authorize(due, method, known, answer, now);
        let done = self.take_steps(due, step, cause).await;
        if let Err(PaymentsError::Unavailable(_) | PaymentsError::CircuitOpen) = &done {
            let now = Timestamp::now();
            let pending = Payment::new(due, method, Status::Pending, now);
            // If something is recorded by now, it says more than this.
            self.store.write(change(None, &pending), now, cause).await?;
        }
        done.map(drop)
    }

    /// Has the provider take the money that it set aside; done before is done.
    ///
    /// # Errors
    /// When there is nothing to take any more, or nobody answers.
    pub async fn capture(&self, due: &Due, cause: &Cause) -> Result<(), PaymentsError> {
        self.take_steps(due, domain::capture, cause).await.map(drop)
    }

    /// Whether the money was taken, as far as was known a moment ago: that stays so.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn was_captured(&self, due: &Due) -> Result<bool, PaymentsError> {
        let known = self.store.of_order_of_late(due.user_id, due.order_id).await?;
        Ok(domain::capture(known.as_ref(), None, Timestamp::now()) == Step::Done)
    }

    /// Tells that the money of a sale that stands can never be taken, once; for who is not the checkout, which undoes it by itself.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn give_up(&self, due: &Due, reason: &str, cause: &Cause) -> Result<(), PaymentsError> {
        self.take_steps(due, |known, _, now| domain::give_up(reason, known, now), cause).await.map(drop)
    }

    /// Gives back whatever was set aside or taken for an order; from then on nothing can be.
    ///
    /// # Errors
    /// When nobody answers, or the provider will not give it back.
    pub async fn undo(&self, due: &Due, cause: &Cause) -> Result<(), PaymentsError> {
        self.take_steps(due, |known, answer, now| domain::undo(due, known, answer, now), cause).await.map(drop)
    }

    /// Takes what steps there are until there are none: asks the provider, records what it says, tells of it. The payment as it is then.
    ///
    /// Whoever dies in between leaves a payment from which the same steps lead on.
    async fn take_steps(
        &self,
        due: &Due,
        next: impl Fn(Option<&Payment>, Option<Answer>, Timestamp) -> Step,
        cause: &Cause,
    ) -> Result<Option<Payment>, PaymentsError> {
        let (mut known, mut circuit) = self.read(due).await?;
        let mut conflicts = 0;
        while conflicts < TRIES {
            let now = Timestamp::now();
            let step = match next(known.as_ref(), None, now) {
                Step::Ask(call) => {
                    let nobody = || PaymentsError::Unavailable("no provider is configured".to_owned());
                    let (provider, breaker) = self.provider.as_ref().ok_or_else(nobody)?;
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
                    return Err(PaymentsError::Unavailable("the provider says what was not asked".to_owned()));
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

    /// The payment, and whether the provider is asked, for who asks it: one read.
    async fn read(&self, due: &Due) -> Result<(Option<Payment>, Option<Circuit>), PaymentsError> {
        Ok(match &self.provider {
            Some((_, breaker)) => self.store.of_order_with_circuit(due.user_id, due.order_id, breaker.key()).await?,
            None => (self.store.of_order(due.user_id, due.order_id).await?, None),
        })
    }
}

/// A change of which nothing is told, and nothing written beside.
fn change<'a>(before: Option<&'a Payment>, payment: &'a Payment) -> Change<'a> {
    Change { payment, before, events: Vec::new(), claimed: None }
}

/// That there is no such payment.
fn not_found() -> PaymentsError {
    PaymentsError::Refused(Refusal::NotFound, None)
}
