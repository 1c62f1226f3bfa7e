//! The order: a state machine over its own events.
//!
//! ```text
//! pending ─► paid ─► processing ─► shipped ─► delivered
//!    │         │          │                      │
//!    └─────────┴──────────┴─► cancelled ─────────┴─► refunded
//!                             (if it was paid)
//! ```

use std::{fmt, str::FromStr};

use contracts::{
    CancelReason, CheckoutStarted, OrderCancelled, OrderConfirmed, OrderDelivered, OrderEvent, OrderLine, OrderPlaced,
    OrderProcessing, OrderRefunded, OrderShipped, StockLine,
};
use kernel::{Invalid, Money, OrderId, PaymentId, Timestamp, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "OrderStatus")]
pub enum Status {
    /// Placed; not paid yet.
    Pending,
    /// The sale stands: stock is reserved and payment is authorized.
    Paid,
    /// Being packed.
    Processing,
    /// On its way.
    Shipped,
    /// Arrived.
    Delivered,
    /// Ended without a sale.
    Cancelled,
    /// All that was paid went back.
    Refunded,
}

impl Status {
    /// All of them, in the order they can follow each other.
    pub const ALL: [Self; 7] =
        [Self::Pending, Self::Paid, Self::Processing, Self::Shipped, Self::Delivered, Self::Cancelled, Self::Refunded];

    /// What an order in this state may become next; `refunded` only if it was paid.
    pub fn next(self) -> &'static [Self] {
        match self {
            Self::Pending => &[Self::Paid, Self::Cancelled],
            Self::Paid => &[Self::Processing, Self::Cancelled],
            Self::Processing => &[Self::Shipped, Self::Cancelled],
            Self::Shipped => &[Self::Delivered],
            Self::Delivered | Self::Cancelled => &[Self::Refunded],
            Self::Refunded => &[],
        }
    }

    /// What an administrator may make of an order in this state.
    pub fn next_by_hand(self) -> impl Iterator<Item = Self> {
        self.next().iter().copied().filter(|status| Command::by_hand(*status).is_some())
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "pending",
            Self::Paid => "paid",
            Self::Processing => "processing",
            Self::Shipped => "shipped",
            Self::Delivered => "delivered",
            Self::Cancelled => "cancelled",
            Self::Refunded => "refunded",
        })
    }
}

impl FromStr for Status {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL.into_iter().find(|status| status.to_string() == text).ok_or_else(|| {
            let all: Vec<String> = Self::ALL.iter().map(Self::to_string).collect();
            Invalid::new("unknown_status", format!("must be one of {}", all.join(", ")))
        })
    }
}

/// An order as its events have made it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Order {
    /// The order.
    pub id: OrderId,
    /// Whose.
    pub user_id: UserId,
    /// Where it stands.
    pub status: Status,
    /// What was ordered, each product once.
    pub lines: Vec<OrderLine>,
    /// What all of it costs.
    pub total: Money,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Whether the checkout workflow was started for it.
    pub in_checkout: bool,
    /// The payment that was captured for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<PaymentId>,
    /// Why it was cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_reason: Option<CancelReason>,
    /// How many events it has: the sequence of the last one.
    pub sequence: u64,
}

/// What is asked of an order that was placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Pay it, by this means of payment.
    StartCheckout {
        /// The provider's token.
        payment_method: String,
    },
    /// Stock is reserved and payment is authorized: let the sale stand.
    Confirm {
        /// The authorized payment.
        payment_id: PaymentId,
    },
    /// Pack it.
    Process,
    /// Send it.
    Ship,
    /// It arrived.
    Deliver,
    /// End it without a sale.
    Cancel {
        /// Why.
        reason: CancelReason,
    },
    /// Its checkout led nowhere: end it, unless the sale stands.
    Fail {
        /// Why.
        reason: CancelReason,
    },
    /// All that was paid went back.
    Refund,
}

/// Why a command was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The order is not in a state from which that step leads.
    #[error("an order that is {from} cannot become {to}")]
    Step {
        /// Where it stands.
        from: Status,
        /// Where the command would have led.
        to: Status,
    },
    /// It is being paid, or was.
    #[error("the checkout of the order has started before")]
    InCheckout {
        /// The order's one payment.
        payment_id: PaymentId,
    },
}

impl Command {
    /// The step that brings an order to `status` by hand; none to what follows from its payment.
    pub fn by_hand(status: Status) -> Option<Self> {
        match status {
            Status::Processing => Some(Self::Process),
            Status::Shipped => Some(Self::Ship),
            Status::Delivered => Some(Self::Deliver),
            Status::Cancelled => Some(Self::Cancel { reason: CancelReason::Requested }),
            Status::Pending | Status::Paid | Status::Refunded => None,
        }
    }
}

impl Order {
    /// What placing an order says. `lines` are priced and add up to `total`.
    pub fn place(id: OrderId, user_id: UserId, lines: Vec<OrderLine>, total: Money) -> OrderEvent {
        OrderPlaced { order_id: id, user_id, lines, total }.into()
    }

    /// The order that `events`, from the first one on, have made; `None` if the first is not its placement.
    pub fn replay<'a>(events: impl IntoIterator<Item = (&'a OrderEvent, Timestamp)>) -> Option<Self> {
        let mut events = events.into_iter();
        let (OrderEvent::OrderPlaced(placed), at) = events.next()? else {
            return None;
        };
        let mut order = Self {
            id: placed.order_id,
            user_id: placed.user_id,
            status: Status::Pending,
            lines: placed.lines.clone(),
            total: placed.total,
            placed_at: at,
            updated_at: at,
            in_checkout: false,
            payment_id: None,
            cancel_reason: None,
            sequence: 1,
        };
        for (event, at) in events {
            order.apply(event, at);
        }
        Some(order)
    }

    /// What `command` leads to: no event if it has been done before.
    ///
    /// # Errors
    /// When the order's state does not allow it.
    pub fn decide(&self, command: Command) -> Result<Vec<OrderEvent>, Refusal> {
        let (order_id, user_id) = (self.id, self.user_id);
        let (to, event): (Status, OrderEvent) = match command {
            Command::StartCheckout { payment_method } => {
                return self.start_checkout(payment_method);
            }
            Command::Confirm { payment_id } if self.payment_id == Some(payment_id) && self.cancel_reason.is_none() => {
                return Ok(Vec::new());
            }
            Command::Confirm { payment_id } => {
                let (lines, total) = (self.lines.clone(), self.total);
                (Status::Paid, OrderConfirmed { order_id, user_id, payment_id, lines, total }.into())
            }
            Command::Process => (Status::Processing, OrderProcessing { order_id, user_id }.into()),
            Command::Ship => (Status::Shipped, OrderShipped { order_id, user_id }.into()),
            Command::Deliver => (Status::Delivered, OrderDelivered { order_id, user_id }.into()),
            Command::Cancel { .. } if self.cancel_reason.is_some() => return Ok(Vec::new()),
            Command::Fail { .. } if self.status != Status::Pending => return Ok(Vec::new()),
            Command::Cancel { reason } | Command::Fail { reason } => {
                let (lines, total) = (self.lines.clone(), self.total);
                (Status::Cancelled, OrderCancelled { order_id, user_id, reason, lines, total }.into())
            }
            Command::Refund => {
                let (payment_id, total) = (self.id_of_payment(), self.total);
                (Status::Refunded, OrderRefunded { order_id, user_id, payment_id, total }.into())
            }
        };
        if self.status == to {
            Ok(Vec::new())
        } else if self.next().contains(&to) {
            Ok(vec![event])
        } else {
            Err(Refusal::Step { from: self.status, to })
        }
    }

    /// What this order may become next.
    pub fn next(&self) -> &'static [Status] {
        match self.status {
            // Nothing was paid that could go back.
            Status::Cancelled if self.payment_id.is_none() => &[],
            status => status.next(),
        }
    }

    /// Whether it is only waited for the money to go back.
    pub fn may_be_refunded(&self) -> bool {
        self.next().contains(&Status::Refunded)
    }

    /// The id of the order's one payment, tried or not: it follows from the order's.
    pub fn id_of_payment(&self) -> PaymentId {
        PaymentId::derived(self.id, "payment")
    }

    /// Why this order is to be ended at `now`, if nobody has paid it although it did not change for `patience`, in seconds. One whose
    /// checkout has begun gets as much again: the checkout has ways of its own to end it.
    pub fn unpaid(&self, now: Timestamp, patience: i64) -> Option<CancelReason> {
        let (patience, reason) = match self.in_checkout {
            false => (patience, CancelReason::Unpaid),
            true => (patience.saturating_mul(2), CancelReason::CheckoutFailed),
        };
        (self.status == Status::Pending && self.updated_at.plus_seconds(patience) <= now).then_some(reason)
    }

    /// Whether it was sold, and was not cancelled since.
    pub fn is_sold(&self) -> bool {
        self.status != Status::Pending && self.cancel_reason.is_none()
    }

    fn has_ended(&self) -> bool {
        matches!(self.status, Status::Cancelled | Status::Refunded)
    }

    fn start_checkout(&self, payment_method: String) -> Result<Vec<OrderEvent>, Refusal> {
        if self.in_checkout && !self.has_ended() {
            return Err(Refusal::InCheckout { payment_id: self.id_of_payment() });
        }
        if self.status != Status::Pending {
            return Err(Refusal::Step { from: self.status, to: Status::Paid });
        }
        let stock_line = |line: &OrderLine| StockLine { product_id: line.product_id, quantity: line.quantity };
        let lines = self.lines.iter().map(stock_line).collect();
        let (order_id, user_id, total) = (self.id, self.user_id, self.total);
        Ok(vec![CheckoutStarted { order_id, user_id, lines, total, payment_method }.into()])
    }

    /// Takes in what happened at `at`, or at the last change, if that clock was ahead: time does not go back within an order.
    pub fn apply(&mut self, event: &OrderEvent, at: Timestamp) {
        self.sequence += 1;
        self.updated_at = self.updated_at.max(at);
        match event {
            OrderEvent::OrderPlaced(_) => {}
            OrderEvent::CheckoutStarted(_) => self.in_checkout = true,
            OrderEvent::OrderConfirmed(confirmed) => {
                self.status = Status::Paid;
                self.payment_id = Some(confirmed.payment_id);
            }
            OrderEvent::OrderProcessing(_) => self.status = Status::Processing,
            OrderEvent::OrderShipped(_) => self.status = Status::Shipped,
            OrderEvent::OrderDelivered(_) => self.status = Status::Delivered,
            OrderEvent::OrderCancelled(cancelled) => {
                self.status = Status::Cancelled;
                self.cancel_reason = Some(cancelled.reason);
            }
            OrderEvent::OrderRefunded(_) => self.status = Status::Refunded,
        }
    }
}
