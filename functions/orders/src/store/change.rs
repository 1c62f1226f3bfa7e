//! A change of an order: what is appended to its log, and what is written or checked in the same transaction.

use contracts::{Cause, OrderEvent};
use dynamo::{IdempotencyKey, Item, StoredResponse, Write};
use kernel::Timestamp;

use crate::domain::{Actor, Order, Payment, Status};

/// Who changes an order, when, why, and from which cause.
#[derive(Debug, Clone)]
pub struct AuditContext {
    /// Who changes the order.
    pub actor: Actor,
    /// The reason, in the actor's own words.
    pub reason: Option<String>,
    /// When it is changed.
    pub now: Timestamp,
    /// The cause that the events name.
    pub cause: Cause,
}

/// A change of an order.
#[derive(Debug, Clone)]
pub struct Change<'a> {
    /// The status before the change; `None` for a new order.
    pub previous_status: Option<Status>,
    /// The order after the change.
    pub order: &'a Order,
    /// The events of the change.
    pub events: Vec<OrderEvent>,
    /// Who makes the change, when and why.
    pub audit: &'a AuditContext,
}

/// What else a change writes or depends on, in the same transaction.
#[derive(Default)]
pub struct TransactionExtras<'a> {
    /// The response that is stored under the request's idempotency key.
    pub idempotency: Option<(&'a IdempotencyKey, &'a StoredResponse)>,
    /// The write that charges the customer's rate limit.
    pub rate_limit_charge: Option<Write>,
    /// The replica of the payment that the change is based on. The outer option says whether it depends on one at all.
    pub expected_payment: Option<Option<&'a Payment>>,
}

/// The outcome of an append.
#[derive(Debug)]
pub enum Appended {
    /// The change was written.
    Done,
    /// The idempotency key has a stored response, which this item contains.
    Replayed(Item),
    /// Another request changed the customer's rate limit, whose current item this is.
    RateLimitContended(Item),
    /// The log or the replica of the payment has changed.
    Conflict,
}
