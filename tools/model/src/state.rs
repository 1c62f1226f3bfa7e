//! A state of the model: the stock of the product, and for each checkout what every context has recorded, the ledger of
//! the provider, the messages in flight, and the functions at work with their progress.

use std::{collections::BTreeMap, sync::Arc};

use inventory::domain::{Reservation, Stock};
use kernel::Timestamp;
use orders::domain::{Order, Payment as PaymentReplica};
use payments::{
    domain::{Answer, Call, Due, Payment},
    provider::ledger::SimulatorLedger,
};

use crate::hashed::{Hashed, fingerprint};

/// A state of the model.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// The stock of the only product.
    pub stock: Stock,
    /// The checkouts of that product.
    pub checkouts: Vec<Checkout>,
    /// How many more faults may happen.
    pub faults: u8,
    /// How many more messages may be delivered again.
    pub repeats: u8,
}

/// One checkout: the state of one order in all contexts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Checkout {
    /// orders: the order, as its log says.
    pub order: Hashed<Order>,
    /// orders: the replica of the payment.
    pub payment_replica: Option<Hashed<PaymentReplica>>,
    /// orders: whether the checkout is deferred.
    pub deferred: bool,
    /// orders: whether the order is parked.
    pub parked: bool,
    /// inventory: the reservation.
    pub reservation: Option<Hashed<Reservation>>,
    /// payments: the payment.
    pub payment: Option<Hashed<Payment>>,
    /// The card that the customer pays with.
    pub card: &'static str,
    /// The ledger of the provider.
    pub provider_ledger: Option<Hashed<SimulatorLedger>>,
    /// The calls that timed out, and that reach the provider later.
    pub delayed_calls: Vec<Call>,
    /// The messages that were sent.
    pub messages: BTreeMap<Message, Delivery>,
    /// The functions and executions at work.
    pub workers: Vec<Worker>,
    /// Whether the customer has cancelled.
    pub cancel_requested: bool,
    /// What has happened, which no table shows.
    pub history: History,
}

/// Events that must not happen twice, or not both. They are recorded outside of the product's tables.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct History {
    /// The sequence of the published confirmation in the log, or 0.
    pub confirmed_at: u64,
    /// The sequence of the published cancellation in the log, or 0.
    pub cancelled_at: u64,
    /// How many times the provider captured the payment.
    pub captures: u8,
    /// Whether it did so before the order was confirmed.
    pub captured_early: bool,
    /// How many captures were published.
    pub captures_published: u8,
    /// The sum of the published refunds, in minor units.
    pub refunded_published: i64,
}

/// An event on its way to one consumer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    /// `CheckoutStarted`, for `StartCheckout` of orders.
    StartCheckout,
    /// `OrderConfirmed`, for `SettleOrder` of inventory.
    CommitStock,
    /// `OrderConfirmed`, for `CaptureConfirmed` of payments.
    CaptureConfirmed,
    /// `OrderCancelled`, for `SettleOrder` of inventory.
    ReleaseStock,
    /// `OrderCancelled`, for `UndoCancelled` of payments.
    UndoCancelled,
    /// `ReservationExpired`, for `EndExpired` of orders.
    EndExpired,
    /// `PaymentProcessed`, for `OrdersReplicatePayment`.
    PaymentProcessed,
    /// `PaymentFailed`, for `OrdersReplicatePayment`.
    PaymentFailed,
}

/// The delivery of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// The message was not processed yet.
    Pending,
    /// The message was processed, at least once.
    Processed,
}

/// A function at work, or an execution of the workflow.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Worker {
    /// The job.
    pub job: Job,
    /// The progress of the job.
    pub progress: Progress,
}

/// The job of a worker.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Job {
    /// An execution of the workflow, in one of its states.
    Execution {
        /// The state.
        state: Arc<str>,
        /// The error in `$.failure`.
        failure: Option<&'static str>,
    },
    /// The consumer of a message.
    Message(Message),
    /// `CaptureConfirmed`, after the provider rejected the capture permanently: it publishes that.
    GiveUp,
    /// `DELETE /orders/{order_id}`.
    CustomerCancel,
    /// The schedule that ends unpaid orders.
    EndUnpaid,
}

/// The progress of a worker. What it has read does not change, even if it is stale.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Progress {
    /// It has read nothing yet.
    Started,
    /// It has read the order.
    HasOrder(Hashed<Order>),
    /// It has read the payment.
    HasPayment(Option<Hashed<Payment>>),
    /// It has read the payment, and has the provider's answer.
    HasAnswer(Option<Hashed<Payment>>, Answer),
}

/// Returns the time, which is always the same, because nothing in the model depends on it.
pub fn now() -> Timestamp {
    Timestamp::from_millis(0)
}

impl Checkout {
    /// Returns the amount due.
    pub fn due(&self) -> Due {
        Due { order_id: self.order.id, user_id: self.order.user_id, total: self.order.total }
    }

    /// Returns the number of running executions of the workflow.
    pub fn executions(&self) -> usize {
        self.workers.iter().filter(|worker| matches!(worker.job, Job::Execution { .. })).count()
    }

    /// Returns whether a worker has this job.
    pub fn has_worker(&self, job: &Job) -> bool {
        self.workers.iter().any(|worker| worker.job == *job)
    }

    /// Sends an event to a consumer.
    pub fn send(&mut self, message: Message) {
        self.messages.insert(message, Delivery::Pending);
    }

    /// Sorts the workers, so that states that differ only in the order of workers are equal.
    pub fn sort_workers(&mut self) {
        self.workers.sort_by_cached_key(fingerprint);
    }
}
