//! What a payment is and what it may become. Pure: no clock, no table, no network.
//!
//! ```text
//! (none) ─► authorized ─► captured ─► refunded
//!    │          └───────► voided
//!    ├────► declined
//!    └────► barred      the order ended before anything was paid; nothing can be
//! ```

use kernel::{Money, OrderId, PaymentId, Timestamp, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Due, provider::Verdict};

/// Where a payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "PaymentStatus")]
pub enum Status {
    /// The money is set aside.
    Authorized,
    /// The bank said no.
    Declined,
    /// The money is ours.
    Captured,
    /// What was set aside is free again.
    Voided,
    /// What was taken went back.
    Refunded,
    /// The order ended before anything was paid.
    Barred,
}

/// Why a step was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The bank said no.
    Declined,
    /// The payment has ended: money can only be given back.
    Ended,
}

impl Status {
    /// Whether the money is set aside (or more than that).
    ///
    /// # Errors
    /// When it never will be.
    pub fn authorized(self) -> Result<(), Refusal> {
        match self {
            Self::Authorized | Self::Captured => Ok(()),
            Self::Declined => Err(Refusal::Declined),
            Self::Voided | Self::Refunded | Self::Barred => Err(Refusal::Ended),
        }
    }

    /// Whether the money is still to be taken.
    ///
    /// # Errors
    /// When there is nothing to take.
    pub fn to_capture(self) -> Result<bool, Refusal> {
        self.authorized().map(|()| self == Self::Authorized)
    }
}

/// A payment of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The provider's word for why it was declined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<String>,
    /// When it was first tried.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// How often it was written.
    pub version: u64,
}

/// The id of an order's one payment.
pub fn payment_id(order_id: OrderId) -> PaymentId {
    PaymentId::derived(order_id, "payment")
}

impl Payment {
    fn new(due: &Due, method: &str, status: Status, now: Timestamp) -> Self {
        Self {
            id: payment_id(due.order_id),
            order_id: due.order_id,
            user_id: due.user_id,
            amount: due.total,
            method: method.to_owned(),
            status,
            failure_reason: None,
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }

    /// The payment after the provider's verdict.
    pub fn decided(due: &Due, method: &str, verdict: &Verdict, now: Timestamp) -> Self {
        match verdict {
            Verdict::Approved => Self::new(due, method, Status::Authorized, now),
            Verdict::Declined { reason } => {
                let failure_reason = Some(reason.clone());
                Self { failure_reason, ..Self::new(due, method, Status::Declined, now) }
            }
        }
    }

    /// The bar in the place of a payment that was never tried.
    pub fn barred(due: &Due, now: Timestamp) -> Self {
        Self::new(due, "", Status::Barred, now)
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_authorized_payment_is_captured_and_only_once() {
        let to_capture = |status: Status| status.to_capture();
        assert_eq!(to_capture(Status::Authorized), Ok(true));
        assert_eq!(to_capture(Status::Captured), Ok(false));
        assert_eq!(to_capture(Status::Declined), Err(Refusal::Declined));
        for ended in [Status::Voided, Status::Refunded, Status::Barred] {
            assert_eq!(to_capture(ended), Err(Refusal::Ended));
        }
    }

    #[test]
    fn an_order_has_one_payment() {
        let order = OrderId::new();
        assert_eq!(payment_id(order), payment_id(order));
        assert_ne!(payment_id(order), payment_id(OrderId::new()));
    }
}
