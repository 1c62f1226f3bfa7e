//! The payment of an order, and its states:
//!
//! ```text
//! (none) ─► pending ─► authorized ─► captured ─► partly refunded ─► refunded
//!    │         │ │          └──────► voided
//!    │         │ └────► declined
//!    │         └──────► voided
//!    └────► barred       the order ended before anything was paid, and can no longer be paid
//! ```
//!
//! `pending` may be skipped, because a checkout authorizes at once.

use std::fmt;

use kernel::{Money, OrderId, PaymentId, RefundId, Timestamp, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an order costs, and who pays it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    /// The order.
    pub order_id: OrderId,
    /// The customer.
    pub user_id: UserId,
    /// The total of the order.
    pub total: Money,
}

/// The state of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "PaymentStatus")]
pub enum Status {
    /// The payment was requested, and the provider has not processed it yet.
    Pending,
    /// The amount is authorized.
    Authorized,
    /// The provider declined the payment.
    Declined,
    /// The amount was captured.
    Captured,
    /// A part of the captured amount was refunded.
    PartlyRefunded,
    /// The payment was cancelled before anything was captured.
    Voided,
    /// All of the captured amount was refunded.
    Refunded,
    /// The order ended before anything was paid. The API does not show this state.
    #[schemars(skip)]
    Barred,
}

impl Status {
    /// Returns whether an amount was captured that is not yet refunded in full.
    pub fn holds_money(self) -> bool {
        matches!(self, Self::Captured | Self::PartlyRefunded)
    }

    /// Returns whether no money can move any more.
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Declined | Self::Voided | Self::Refunded | Self::Barred)
    }
}

/// The name that the API uses.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// The payment of an order.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Payment {
    /// Derived from the order's id, because an order has one payment.
    pub id: PaymentId,
    /// The order that it pays.
    pub order_id: OrderId,
    /// The customer.
    pub user_id: UserId,
    /// The total of the order.
    pub amount: Money,
    /// The provider's token of the payment method.
    pub method: String,
    /// The state.
    pub status: Status,
    /// The provider's id of the payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The provider's code for why the payment was declined or cannot be captured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<String>,
    /// All refunds, pending and failed ones too, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refunds: Vec<Refund>,
    /// When it was first recorded.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// The sequence of its last event, which is also the number of its events.
    pub sequence: u64,
    /// The number of writes, for optimistic locking.
    pub version: u64,
}

/// A refund of a payment.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Refund {
    /// The id of the refund, which is its idempotency key at the provider. The id of a refund that was made in the
    /// provider's dashboard is derived from the provider's id of the refund, and was never a key there.
    pub id: RefundId,
    /// The amount to refund.
    pub amount: Money,
    /// The state.
    pub status: RefundStatus,
    /// The reason, as stated in the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The provider's code for why the refund failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<String>,
    /// When it was requested.
    pub created_at: Timestamp,
}

/// The state of a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    /// The provider has not responded yet; the refund is retried until it does.
    Pending,
    /// The provider made the refund.
    Succeeded,
    /// The provider refused the refund for good.
    Failed,
}

/// Returns the id of the payment of an order.
pub fn payment_id(order_id: OrderId) -> PaymentId {
    PaymentId::derived(order_id, "payment")
}

impl Payment {
    /// Creates a payment in the given state, without events.
    pub fn new(due: &Due, method: &str, status: Status, now: Timestamp) -> Self {
        Self {
            id: payment_id(due.order_id),
            order_id: due.order_id,
            user_id: due.user_id,
            amount: due.total,
            method: method.to_owned(),
            status,
            reference: None,
            failure_reason: None,
            refunds: Vec::new(),
            created_at: now,
            updated_at: now,
            sequence: 0,
            version: 1,
        }
    }

    /// Returns the order, its customer and its total.
    pub fn due(&self) -> Due {
        Due { order_id: self.order_id, user_id: self.user_id, total: self.amount }
    }

    /// Returns whether the API shows the payment. A barred payment only keeps others from paying.
    pub fn is_visible(&self) -> bool {
        self.status != Status::Barred
    }

    /// Returns the payment with another state and the next version.
    #[must_use]
    pub fn with_status(&self, status: Status, now: Timestamp) -> Self {
        Self { status, updated_at: now, version: self.version + 1, ..self.clone() }
    }

    /// Returns the sum of all refunds that have succeeded.
    pub fn refunded(&self) -> Money {
        self.sum(|status| status == RefundStatus::Succeeded)
    }

    /// Returns the amount that can still be refunded; pending refunds are subtracted.
    pub fn refundable(&self) -> Money {
        let refunds = self.sum(|status| status != RefundStatus::Failed);
        let captured = if self.status.holds_money() { self.amount.minor() } else { refunds.minor() };
        Money::from_minor(captured - refunds.minor(), self.amount.currency())
    }

    /// Returns the first pending refund.
    pub fn pending_refund(&self) -> Option<&Refund> {
        self.refunds.iter().find(|refund| refund.status == RefundStatus::Pending)
    }

    /// Returns the refund with this id.
    pub fn refund(&self, id: RefundId) -> Option<&Refund> {
        self.refunds.iter().find(|refund| refund.id == id)
    }

    fn sum(&self, counts: impl Fn(RefundStatus) -> bool) -> Money {
        let refunds = self.refunds.iter().filter(|refund| counts(refund.status));
        let minor = refunds.fold(0_i64, |sum, refund| sum.saturating_add(refund.amount.minor()));
        Money::from_minor(minor, self.amount.currency())
    }
}
