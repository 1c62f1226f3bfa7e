//! The order: a state machine over its own events.
//!
//! ```text
//! pending ─► paid ─► processing ─► shipped ─► delivered
//!    │         │          │
//!    └─────────┴──────────┴─► cancelled
//! ```

use std::{fmt, str::FromStr};

use contracts::{
    CancelReason, CheckoutStarted, OrderCancelled, OrderConfirmed, OrderDelivered, OrderEvent, OrderLine, OrderPlaced,
    OrderProcessing, OrderShipped, StockLine,
};
use kernel::{Invalid, Money, OrderId, PaymentId, Timestamp, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
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
}

impl Status {
    /// All of them, in the order they can follow each other.
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Paid, Self::Processing, Self::Shipped, Self::Delivered, Self::Cancelled];

    /// What an order in this state may become next.
    pub fn next(self) -> &'static [Self] {
        match self {
            Self::Pending => &[Self::Paid, Self::Cancelled],
            Self::Paid => &[Self::Processing, Self::Cancelled],
            Self::Processing => &[Self::Shipped, Self::Cancelled],
            Self::Shipped => &[Self::Delivered],
            Self::Delivered | Self::Cancelled => &[],
        }
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// When it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkout_at: Option<Timestamp>,
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
        /// The stock of a checkout that began before this may have been put back for sale.
        stock_held_since: Timestamp,
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
    /// It is being paid already.
    #[error("the order is already in checkout")]
    InCheckout,
    /// Its stock may have been put back for sale.
    #[error("the checkout took too long")]
    TooLate,
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
            checkout_at: None,
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
            Command::Confirm { payment_id, .. }
                if self.payment_id == Some(payment_id) && self.status != Status::Cancelled =>
            {
                return Ok(Vec::new());
            }
            Command::Confirm { stock_held_since, .. }
                if self.status == Status::Pending && self.checkout_at.is_some_and(|at| at < stock_held_since) =>
            {
                return Err(Refusal::TooLate);
            }
            Command::Confirm { payment_id, .. } => {
                let (lines, total) = (self.lines.clone(), self.total);
                (Status::Paid, OrderConfirmed { order_id, user_id, payment_id, lines, total }.into())
            }
            Command::Process => (Status::Processing, OrderProcessing { order_id, user_id }.into()),
            Command::Ship => (Status::Shipped, OrderShipped { order_id, user_id }.into()),
            Command::Deliver => (Status::Delivered, OrderDelivered { order_id, user_id }.into()),
            Command::Cancel { reason } => {
                let (lines, total) = (self.lines.clone(), self.total);
                (Status::Cancelled, OrderCancelled { order_id, user_id, reason, lines, total }.into())
            }
        };
        if self.status == to {
            Ok(Vec::new())
        } else if self.status.next().contains(&to) {
            Ok(vec![event])
        } else {
            Err(Refusal::Step { from: self.status, to })
        }
    }

    fn start_checkout(&self, payment_method: String) -> Result<Vec<OrderEvent>, Refusal> {
        if self.status != Status::Pending {
            return Err(Refusal::Step { from: self.status, to: Status::Paid });
        }
        if self.in_checkout {
            return Err(Refusal::InCheckout);
        }
        let stock_line = |line: &OrderLine| StockLine { product_id: line.product_id, quantity: line.quantity };
        let lines = self.lines.iter().map(stock_line).collect();
        let (order_id, user_id, total) = (self.id, self.user_id, self.total);
        Ok(vec![CheckoutStarted { order_id, user_id, lines, total, payment_method }.into()])
    }

    /// Takes in what happened.
    pub fn apply(&mut self, event: &OrderEvent, at: Timestamp) {
        self.sequence += 1;
        self.updated_at = at;
        match event {
            OrderEvent::OrderPlaced(_) => {}
            OrderEvent::CheckoutStarted(_) => {
                self.in_checkout = true;
                self.checkout_at = Some(at);
            }
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
        }
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Currency, ProductId, Quantity};
    use proptest::prelude::*;

    use super::*;

    fn order_id() -> OrderId {
        "01890000-0000-7000-8000-00000000000a".parse().expect("an id")
    }

    fn payment_id() -> PaymentId {
        PaymentId::derived(order_id(), "payment")
    }

    fn placed() -> OrderEvent {
        let product_id = ProductId::derived("test", "mug");
        let quantity = Quantity::try_from(2).expect("a quantity");
        let unit_price = Money::from_minor(1_250, Currency::Usd);
        let lines = vec![OrderLine { product_id, name: "Mug".to_owned(), quantity, unit_price }];
        Order::place(order_id(), UserId::derived("test", "user"), lines, Money::from_minor(2_500, Currency::Usd))
    }

    fn start_checkout() -> Command {
        Command::StartCheckout { payment_method: "pm_card_visa".to_owned() }
    }

    fn confirm() -> Command {
        Command::Confirm { payment_id: payment_id(), stock_held_since: now() }
    }

    fn cancel() -> Command {
        Command::Cancel { reason: CancelReason::Requested }
    }

    fn now() -> Timestamp {
        Timestamp::from_millis(1_767_323_045_600)
    }

    struct Given(Order);

    /// An order on which `commands` were carried out.
    fn given(commands: impl IntoIterator<Item = Command>) -> Given {
        let mut order = Order::replay([(&placed(), now())]).expect("an order");
        for command in commands {
            for event in order.decide(command).expect("an allowed step") {
                order.apply(&event, now());
            }
        }
        Given(order)
    }

    impl Given {
        fn when(self, command: Command) -> Result<Vec<OrderEvent>, Refusal> {
            self.0.decide(command)
        }

        fn becomes(mut self, command: Command) -> Status {
            for event in self.0.decide(command).expect("an allowed step") {
                self.0.apply(&event, now());
            }
            self.0.status
        }
    }

    #[test]
    fn a_checkout_ends_paid_and_goes_on_to_delivery() {
        assert_eq!(given([start_checkout()]).becomes(confirm()), Status::Paid);
        assert_eq!(given([start_checkout(), confirm()]).becomes(Command::Process), Status::Processing);
        assert_eq!(given([start_checkout(), confirm(), Command::Process]).becomes(Command::Ship), Status::Shipped);
        let shipped = [start_checkout(), confirm(), Command::Process, Command::Ship];
        assert_eq!(given(shipped).becomes(Command::Deliver), Status::Delivered);
    }

    #[test]
    fn checkout_asks_for_what_was_ordered() {
        let events = given([]).when(start_checkout()).expect("a checkout");
        let [OrderEvent::CheckoutStarted(started)] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!(started.lines.len(), 1);
        assert_eq!(started.total, Money::from_minor(2_500, Currency::Usd));
    }

    #[test]
    fn checkout_starts_once() {
        assert_eq!(given([start_checkout()]).when(start_checkout()), Err(Refusal::InCheckout));
        let paid = given([start_checkout(), confirm()]).when(start_checkout());
        assert_eq!(paid, Err(Refusal::Step { from: Status::Paid, to: Status::Paid }));
    }

    #[test]
    fn the_same_news_twice_is_no_news() {
        assert_eq!(given([start_checkout(), confirm()]).when(confirm()), Ok(vec![]));
        assert_eq!(given([start_checkout(), confirm(), Command::Process]).when(confirm()), Ok(vec![]));
        assert_eq!(given([cancel()]).when(cancel()), Ok(vec![]));
    }

    #[test]
    fn pending_paid_and_processing_orders_can_be_cancelled() {
        for commands in [vec![], vec![start_checkout()], vec![confirm()], vec![confirm(), Command::Process]] {
            assert_eq!(given(commands).becomes(cancel()), Status::Cancelled);
        }
    }

    #[test]
    fn a_shipped_order_cannot_be_cancelled() {
        let shipped = given([confirm(), Command::Process, Command::Ship]);
        assert_eq!(shipped.when(cancel()), Err(Refusal::Step { from: Status::Shipped, to: Status::Cancelled }));
    }

    #[test]
    fn a_cancelled_order_is_never_confirmed() {
        for before in [vec![cancel()], vec![confirm(), cancel()]] {
            assert_eq!(given(before).when(confirm()), Err(Refusal::Step { from: Status::Cancelled, to: Status::Paid }));
        }
    }

    #[test]
    fn a_checkout_that_took_too_long_is_not_confirmed_but_one_that_is_stays_so() {
        let late = Command::Confirm { payment_id: payment_id(), stock_held_since: now().plus_seconds(1) };
        assert_eq!(given([start_checkout()]).when(late.clone()), Err(Refusal::TooLate));
        assert_eq!(given([start_checkout(), confirm()]).when(late), Ok(vec![]));
    }

    fn any_command() -> impl Strategy<Value = Command> {
        prop_oneof![
            Just(start_checkout()),
            Just(confirm()),
            Just(Command::Process),
            Just(Command::Ship),
            Just(Command::Deliver),
            Just(cancel()),
        ]
    }

    proptest! {
        /// Whatever is asked, in whatever order: each step is an allowed one, and the log tells the same order.
        #[test]
        fn replay_of_the_log_is_the_order(commands in proptest::collection::vec(any_command(), 0..12)) {
            let mut log = vec![placed()];
            let mut order = Order::replay([(&log[0], now())]).expect("an order");
            for command in commands {
                let before = order.status;
                for event in order.decide(command).unwrap_or_default() {
                    order.apply(&event, now());
                    log.push(event);
                }
                prop_assert!(order.status == before || before.next().contains(&order.status));
            }
            prop_assert_eq!(Order::replay(log.iter().map(|event| (event, now()))), Some(order));
        }
    }
}
