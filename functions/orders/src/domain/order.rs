//! The order: a state machine that is driven by its events.
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
use strum::VariantArray;

/// The status of an order.
// The variants are in the order in which they can follow each other.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema, strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "OrderStatus")]
pub enum Status {
    /// Placed and not yet paid.
    Pending,
    /// Sold: its stock is reserved and its payment is authorized.
    Paid,
    /// Being packed.
    Processing,
    /// On its way to the customer.
    Shipped,
    /// Delivered to the customer.
    Delivered,
    /// Cancelled, before or after it was paid.
    Cancelled,
    /// Everything that was paid has been refunded.
    Refunded,
}

impl Status {
    /// Returns the statuses that can follow this one. `refunded` follows only if the order was paid.
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

    /// Returns the statuses that an administrator may set on an order with this one.
    pub fn next_by_hand(self) -> impl Iterator<Item = Self> {
        self.next().iter().copied().filter(|status| Command::by_hand(*status).is_some())
    }
}

/// The name that the API uses.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

impl FromStr for Status {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::VARIANTS.iter().copied().find(|status| status.to_string() == text).ok_or_else(|| {
            let all: Vec<String> = Self::VARIANTS.iter().map(Self::to_string).collect();
            Invalid::new("unknown_status", format!("must be one of {}", all.join(", ")))
        })
    }
}

/// An order, as replayed from its events.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Order {
    /// The id of the order.
    pub id: OrderId,
    /// The customer.
    pub user_id: UserId,
    /// The current status.
    pub status: Status,
    /// The lines, with each product once.
    pub lines: Vec<OrderLine>,
    /// The total of all lines.
    pub total: Money,
    /// When the order was placed.
    pub placed_at: Timestamp,
    /// When the order last changed.
    pub updated_at: Timestamp,
    /// Whether the checkout workflow was started.
    pub in_checkout: bool,
    /// The payment of the order, once it is sold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<PaymentId>,
    /// Why the order was cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_reason: Option<CancelReason>,
    /// The number of its events, which is the sequence number of the last one.
    pub sequence: u64,
}

/// A command for a placed order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Start the checkout.
    StartCheckout {
        /// The provider's token of the payment method.
        payment_method: String,
    },
    /// Confirm the sale: the stock is reserved and the payment is authorized.
    Confirm {
        /// The authorized payment.
        payment_id: PaymentId,
    },
    /// Start to pack the order.
    Process,
    /// Ship the order.
    Ship,
    /// Mark the order as delivered.
    Deliver,
    /// Cancel the order.
    Cancel {
        /// The reason.
        reason: CancelReason,
    },
    /// Cancel the order because its checkout failed, unless it is sold.
    Fail {
        /// The reason.
        reason: CancelReason,
    },
    /// Mark the order as refunded.
    Refund,
}

/// Why a command was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The status of the order does not allow this step.
    #[error("an order that is {from} cannot become {to}")]
    Step {
        /// The current status.
        from: Status,
        /// The status that the command leads to.
        to: Status,
    },
    /// The checkout of the order has already started.
    #[error("the checkout of the order has already started")]
    InCheckout {
        /// The order's one payment.
        payment_id: PaymentId,
    },
}

impl Command {
    /// Returns the command that sets `status` by hand, or `None` if that status follows from the payment.
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
    /// Returns the event that places an order. `lines` are priced and add up to `total`.
    pub fn place(id: OrderId, user_id: UserId, lines: Vec<OrderLine>, total: Money) -> OrderEvent {
        OrderPlaced { order_id: id, user_id, lines, total }.into()
    }

    /// Replays an order from all its events, or returns `None` if the first one is not `OrderPlaced`.
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

    /// Returns the events that `command` leads to: none if it was executed before.
    ///
    /// # Errors
    /// If the status of the order does not allow the command.
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

    /// Returns the statuses that can follow for this order.
    pub fn next(&self) -> &'static [Status] {
        match self.status {
            // Nothing was paid that could be refunded.
            Status::Cancelled if self.payment_id.is_none() => &[],
            status => status.next(),
        }
    }

    /// Whether a complete refund makes this order `refunded` now.
    pub fn may_be_refunded(&self) -> bool {
        self.next().contains(&Status::Refunded)
    }

    /// Returns the id of the order's one payment, whether it exists or not. It is derived from the order's id.
    pub fn id_of_payment(&self) -> PaymentId {
        PaymentId::derived(self.id, "payment")
    }

    /// Returns why this order has to be cancelled at `now`, if it is pending and has not changed for `unpaid_timeout`
    /// seconds. An order in checkout gets twice the time, because the checkout can cancel it in other ways.
    pub fn unpaid(&self, now: Timestamp, unpaid_timeout: i64) -> Option<CancelReason> {
        let (unpaid_timeout, reason) = match self.in_checkout {
            false => (unpaid_timeout, CancelReason::Unpaid),
            true => (unpaid_timeout.saturating_mul(2), CancelReason::CheckoutFailed),
        };
        (self.status == Status::Pending && self.updated_at.plus_seconds(unpaid_timeout) <= now).then_some(reason)
    }

    /// Whether the order was sold and has not been cancelled since.
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

    /// Applies an event of time `at`. If the last event is later, its time is used: time does not go back within an
    /// order.
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
