//! What there is at one moment: the product's stock, and of each order what every context has recorded, the provider's books, the
//! messages on their way, and who is at work on it, how far.

use std::{collections::BTreeMap, sync::Arc};

use inventory::domain::{Reservation, Stock};
use kernel::Timestamp;
use orders::domain::{Order, Payment as Heard};
use payments::{
    domain::{Due, Payment},
    provider::{Answer, Call, books::Books},
};

use crate::kept::{Kept, fingerprint};

/// One moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// Of the one product.
    pub stock: Stock,
    /// The orders of it.
    pub sales: Vec<Sale>,
    /// How many more things may go wrong.
    pub faults: u8,
    /// How many more messages may come again.
    pub repeats: u8,
}

/// One order, everywhere.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sale {
    /// orders: what its log has made of it.
    pub order: Kept<Order>,
    /// orders: what was heard of its payment.
    pub copy: Option<Kept<Heard>>,
    /// orders: whether its checkout is to be started over.
    pub deferred: bool,
    /// orders: whether a person is to look at it.
    pub parked: bool,
    /// inventory: what is set aside.
    pub reservation: Option<Kept<Reservation>>,
    /// payments: its payment.
    pub payment: Option<Kept<Payment>>,
    /// How it is paid.
    pub card: &'static str,
    /// What the provider knows.
    pub books: Option<Kept<Books>>,
    /// Calls of the provider whose senders gave up waiting, and that are still to arrive.
    pub calls: Vec<Call>,
    /// What was told of it.
    pub letters: BTreeMap<Letter, Post>,
    /// Who is at work on it.
    pub workers: Vec<Worker>,
    /// Whether the customer has changed their mind.
    pub regretted: bool,
    /// What has happened to it, which no table shows.
    pub ledger: Ledger,
}

/// What must not happen twice, or not both, counted outside of the product.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Ledger {
    /// The place in the log at which the order was told to be confirmed; 0 if nowhere.
    pub confirmed: u64,
    /// The place at which it was told to be cancelled.
    pub cancelled: u64,
    /// How often the provider took its money.
    pub taken: u8,
    /// Whether it did so before the order was confirmed.
    pub taken_early: bool,
    /// How often that was told.
    pub told_taken: u8,
    /// How much was told to have gone back, in minor units.
    pub told_back: i64,
}

/// An event on its way to one consumer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Letter {
    /// CheckoutStarted, for orders' start-checkout.
    StartCheckout,
    /// OrderConfirmed, for inventory's settle-order.
    Settle,
    /// OrderConfirmed, for payments' capture-confirmed.
    CaptureConfirmed,
    /// OrderCancelled, for inventory's settle-order.
    PutBack,
    /// OrderCancelled, for payments' undo-cancelled.
    UndoCancelled,
    /// ReservationExpired, for orders' end-expired.
    Expired,
    /// PaymentProcessed, for orders' replicate-payment.
    Processed,
    /// PaymentFailed, for orders' replicate-payment.
    Failed,
}

/// Whether it has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Post {
    /// Not yet.
    Waiting,
    /// It was worked off, once at least.
    Heard,
}

/// A function at work, or an execution of the workflow.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Worker {
    /// At what.
    pub job: Job,
    /// How far it is.
    pub progress: Progress,
}

/// What somebody works at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Job {
    /// The workflow, in one of its states.
    Execution {
        /// Which.
        state: Arc<str>,
        /// What was told to have failed.
        failure: Option<&'static str>,
    },
    /// A message.
    Letter(Letter),
    /// capture-confirmed, after the provider refused for good: it tells that.
    GiveUp,
    /// `DELETE /orders/{order_id}`.
    Regret,
    /// The schedule that ends what nobody has paid.
    EndUnpaid,
}

/// How far somebody is: what was read stays with them, however old it gets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Progress {
    /// They know nothing yet.
    Begins,
    /// They have read the order.
    HasOrder(Kept<Order>),
    /// They have read the payment.
    HasPayment(Option<Kept<Payment>>),
    /// They have read the payment, and asked the provider.
    Heard(Option<Kept<Payment>>, Answer),
}

/// The time, always: nothing in the model depends on it.
pub fn now() -> Timestamp {
    Timestamp::from_millis(0)
}

impl Sale {
    /// What is to be paid.
    pub fn due(&self) -> Due {
        Due { order_id: self.order.id, user_id: self.order.user_id, total: self.order.total }
    }

    /// How many executions there are of its checkout.
    pub fn executions(&self) -> usize {
        self.workers.iter().filter(|worker| matches!(worker.job, Job::Execution { .. })).count()
    }

    /// Whether somebody works at this.
    pub fn is_worked_at(&self, job: &Job) -> bool {
        self.workers.iter().any(|worker| worker.job == *job)
    }

    /// Sends an event to a consumer.
    pub fn send(&mut self, letter: Letter) {
        self.letters.insert(letter, Post::Waiting);
    }

    /// Puts those who are at work in an order that does not tell who came first.
    pub fn sort_workers(&mut self) {
        self.workers.sort_by_cached_key(fingerprint);
    }
}
