//! ```text
//! (none) ─► pending ─► authorized ─► captured ─► partly refunded ─► refunded
//!    │         │ │          └──────► voided
//!    │         │ └────► declined
//!    │         └──────► voided
//!    └────► barred       the order ended before anything was paid; nothing can be
//! ```
//!
//! What is pending may be left out: a checkout authorizes at once.

use kernel::{Money, OrderId, PaymentId, RefundId, Timestamp, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is to be paid, and by whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    /// For what.
    pub order_id: OrderId,
    /// Who pays.
    pub user_id: UserId,
    /// How much.
    pub total: Money,
}

/// Where a payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "PaymentStatus")]
pub enum Status {
    /// It is asked for; the provider has not said anything yet.
    Pending,
    /// The money is set aside.
    Authorized,
    /// The bank said no.
    Declined,
    /// The money is ours.
    Captured,
    /// A part of what was taken went back.
    PartlyRefunded,
    /// What was set aside is free again.
    Voided,
    /// All that was taken went back.
    Refunded,
    /// The order ended before anything was paid.
    #[schemars(skip)]
    Barred,
}

impl Status {
    /// Whether money was taken of which something is left.
    pub fn holds_money(self) -> bool {
        matches!(self, Self::Captured | Self::PartlyRefunded)
    }

    /// Whether no money will move any more.
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Declined | Self::Voided | Self::Refunded | Self::Barred)
    }
}

/// A payment of an order.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Payment {
    /// Follows from the order's id: an order has one payment.
    pub id: PaymentId,
    /// What it pays for.
    pub order_id: OrderId,
    /// Who pays.
    pub user_id: UserId,
    /// How much.
    pub amount: Money,
    /// The provider's token of the means of payment.
    pub method: String,
    /// Where it stands.
    pub status: Status,
    /// The provider's name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The provider's word for why it was declined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<String>,
    /// What went back, is to go back, or could not, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refunds: Vec<Refund>,
    /// When it was first tried.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// How many events told of it: the sequence of the last one.
    pub sequence: u64,
    /// How often it was written.
    pub version: u64,
}

/// Money going back.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Refund {
    /// The provider does it once for this id.
    pub id: RefundId,
    /// How much.
    pub amount: Money,
    /// Whether it has gone.
    pub status: RefundStatus,
    /// Why, in the words of who gave it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The provider's word for why it could not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
}

/// Whether money has gone back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    /// The provider is asked until it answers.
    Pending,
    /// It has gone.
    Succeeded,
    /// The provider will not.
    Failed,
}

/// The id of an order's one payment.
pub fn payment_id(order_id: OrderId) -> PaymentId {
    PaymentId::derived(order_id, "payment")
}

impl Payment {
    /// A payment of which nothing has happened yet.
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

    /// What it pays, and whose.
    pub fn due(&self) -> Due {
        Due { order_id: self.order_id, user_id: self.user_id, total: self.amount }
    }

    /// Whether it was ever tried; a bar is not a payment to anybody outside.
    pub fn was_tried(&self) -> bool {
        self.status != Status::Barred
    }

    /// This payment, a step later.
    #[must_use]
    pub fn becoming(&self, status: Status, now: Timestamp) -> Self {
        Self { status, updated_at: now, version: self.version + 1, ..self.clone() }
    }

    /// What went back so far.
    pub fn refunded(&self) -> Money {
        self.sum(|status| status == RefundStatus::Succeeded)
    }

    /// What is left that could be given back: not what is on its way.
    pub fn refundable(&self) -> Money {
        let gone = self.sum(|status| status != RefundStatus::Failed);
        let taken = if self.status.holds_money() { self.amount.minor() } else { gone.minor() };
        Money::from_minor(taken - gone.minor(), self.amount.currency())
    }

    /// The first refund that is still to go.
    pub fn pending_refund(&self) -> Option<&Refund> {
        self.refunds.iter().find(|refund| refund.status == RefundStatus::Pending)
    }

    /// The refund of this id.
    pub fn refund(&self, id: RefundId) -> Option<&Refund> {
        self.refunds.iter().find(|refund| refund.id == id)
    }

    fn sum(&self, counts: impl Fn(RefundStatus) -> bool) -> Money {
        let refunds = self.refunds.iter().filter(|refund| counts(refund.status));
        let minor = refunds.fold(0_i64, |sum, refund| sum.saturating_add(refund.amount.minor()));
        Money::from_minor(minor, self.amount.currency())
    }
}
