//! Payments: authorized before a sale is confirmed, captured once after it, or given back.
//!
//! Money moves at the provider; the payment here records what is known of it. Between the two a function may die, so every
//! call of the provider is idempotent on the order, and what was recorded is looked at again before anything is called.

pub mod api;
pub mod consumers;
pub mod domain;
mod error;
mod provider;
pub mod saga;
mod simulator;
mod store;

use aws_config::SdkConfig;
use contracts::{Cause, PaymentEvent, PaymentFailed, PaymentProcessed, PaymentRefunded};
use dynamo::Table;
use kernel::{Money, OrderId, PaymentId, Timestamp, UserId};
use lambda::env;
use serde::Deserialize;

use crate::{
    domain::{Payment, Status},
    provider::{Provider, Undone, Verdict},
    store::Store,
};
pub use error::PaymentsError;

/// The use cases of payments.
pub struct Payments {
    store: Store,
    provider: Option<Provider>,
}

/// What is to be paid, and by whom.
#[derive(Debug, Clone, Deserialize)]
pub struct Due {
    /// For what.
    pub order_id: OrderId,
    /// Who pays.
    pub user_id: UserId,
    /// How much.
    pub total: Money,
}

/// How often a step that met another one on the same payment is tried.
const TRIES: usize = 6;

impl Payments {
    /// Over the environment's one configuration.
    ///
    /// # Errors
    /// When the template did not set a variable.
    pub fn connect(config: &SdkConfig) -> Result<Self, lambda::Error> {
        let store = Store::new(Table::connect(config, env("TABLE_NAME")?));
        Ok(Self { store, provider: None })
    }

    /// With the provider, for the functions that move money.
    ///
    /// # Errors
    /// When the template did not set a variable.
    pub fn with_provider(self) -> Result<Self, lambda::Error> {
        let provider = Provider::connect(self.store.table().clone())?;
        Ok(Self { provider: Some(provider), ..self })
    }

    fn provider(&self) -> Result<&Provider, PaymentsError> {
        self.provider.as_ref().ok_or(PaymentsError::Unavailable("no provider is configured".to_owned()))
    }

    /// Has the provider set the money aside; done before is done.
    ///
    /// # Errors
    /// When the provider declines, the order has ended, or nobody answers.
    pub async fn authorize(&self, due: &Due, method: &str, cause: &Cause) -> Result<(), PaymentsError> {
        for _ in 0..TRIES {
            if let Some(payment) = self.store.of_order(due.user_id, due.order_id).await? {
                if payment.status == Status::Barred {
                    // The order ended while we asked: what the provider set aside meanwhile goes back.
                    self.provider()?.undo(due.order_id).await?;
                }
                return payment.status.authorized().map_err(|refusal| PaymentsError::refused(refusal, &payment));
            }
            let verdict = self.provider()?.authorize(due, method).await?;
            let now = Timestamp::now();
            let payment = Payment::decided(due, method, &verdict, now);
            let events = match &verdict {
                Verdict::Approved => vec![],
                Verdict::Declined { reason } => vec![failed(due, reason.clone())],
            };
            // If it was recorded meanwhile, that is looked at once more.
            self.store.create(&payment, events, now, cause).await?;
        }
        Err(PaymentsError::Busy)
    }

    /// Has the provider take the money that it set aside; done before is done.
    ///
    /// # Errors
    /// When there is nothing to take any more, or nobody answers.
    pub async fn capture(&self, due: &Due, cause: &Cause) -> Result<(), PaymentsError> {
        for _ in 0..TRIES {
            let payment = self.store.of_order(due.user_id, due.order_id).await?.ok_or(PaymentsError::NotFound)?;
            if !payment.status.to_capture().map_err(|refusal| PaymentsError::refused(refusal, &payment))? {
                return Ok(());
            }
            if !self.provider()?.capture(due.order_id).await? {
                return Err(PaymentsError::CaptureRefused);
            }
            let now = Timestamp::now();
            let captured = payment.becoming(Status::Captured, now);
            if self.store.replace(&captured, payment.version, vec![processed(&payment)], now, cause).await? {
                return Ok(());
            }
        }
        Err(PaymentsError::Busy)
    }

    /// Gives back whatever was set aside or taken for an order; from then on nothing can be.
    ///
    /// # Errors
    /// When nobody answers.
    pub async fn undo(&self, due: &Due, cause: &Cause) -> Result<(), PaymentsError> {
        for _ in 0..TRIES {
            let now = Timestamp::now();
            let Some(payment) = self.store.of_order(due.user_id, due.order_id).await? else {
                // First the bar, then the provider: an authorization that is on its way finds one of the two.
                self.store.create(&Payment::barred(due, now), vec![], now, cause).await?;
                continue;
            };
            let (to, events) = match payment.status {
                Status::Declined | Status::Refunded => return Ok(()),
                Status::Barred | Status::Voided => {
                    self.provider()?.undo(due.order_id).await?;
                    return Ok(());
                }
                Status::Authorized | Status::Captured => match self.provider()?.undo(due.order_id).await? {
                    Undone::Nothing | Undone::Voided => (Status::Voided, vec![]),
                    // Taken, but we died before we could say so: who adds money up has to hear of both.
                    Undone::Refunded if payment.status == Status::Authorized => {
                        (Status::Refunded, vec![processed(&payment), refunded(&payment)])
                    }
                    Undone::Refunded => (Status::Refunded, vec![refunded(&payment)]),
                },
            };
            if self.store.replace(&payment.becoming(to, now), payment.version, events, now, cause).await? {
                return Ok(());
            }
        }
        Err(PaymentsError::Busy)
    }

    /// The payment of an order, if one was tried.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn of_order(&self, user_id: UserId, order_id: OrderId) -> Result<Option<Payment>, PaymentsError> {
        let payment = self.store.of_order(user_id, order_id).await?;
        Ok(payment.filter(Payment::was_tried))
    }

    /// The payment, if it is `user_id`'s, or whoever's if that is not given.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn find(&self, user_id: Option<UserId>, id: PaymentId) -> Result<Option<Payment>, PaymentsError> {
        let payment = match user_id {
            Some(user_id) => self.store.find(user_id, id).await?,
            None => self.store.find_anyones(id).await?,
        };
        Ok(payment.filter(Payment::was_tried))
    }

    /// A page of a user's payments, newest first, and whether there are more; the id of the last one looked at.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn of_user(
        &self,
        user_id: UserId,
        after: Option<String>,
        limit: usize,
    ) -> Result<(Vec<Payment>, Option<PaymentId>), PaymentsError> {
        let (payments, more) = self.store.of_user(user_id, after, limit).await?;
        let next = payments.last().map(|last| last.id).filter(|_| more);
        Ok((payments.into_iter().filter(Payment::was_tried).collect(), next))
    }
}

fn failed(due: &Due, reason: String) -> PaymentEvent {
    PaymentFailed {
        payment_id: domain::payment_id(due.order_id),
        order_id: due.order_id,
        user_id: due.user_id,
        amount: due.total,
        reason,
    }
    .into()
}

fn processed(payment: &Payment) -> PaymentEvent {
    PaymentProcessed {
        payment_id: payment.id,
        order_id: payment.order_id,
        user_id: payment.user_id,
        amount: payment.amount,
    }
    .into()
}

fn refunded(payment: &Payment) -> PaymentEvent {
    PaymentRefunded {
        payment_id: payment.id,
        order_id: payment.order_id,
        user_id: payment.user_id,
        amount: payment.amount,
    }
    .into()
}
