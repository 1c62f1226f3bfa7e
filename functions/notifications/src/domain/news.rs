//! What an event tells a customer.

use contracts::{CancelReason, NotificationKind as Kind, OrderEvent, OrderLine, PaymentEvent, UserEvent};
use kernel::{Money, OrderId, UserId};

/// What there is to tell, whatever the channel.
#[derive(Debug, Clone, PartialEq)]
pub struct News {
    /// Of what.
    pub kind: Kind,
    /// Whom.
    pub user_id: UserId,
    /// About which order.
    pub order_id: Option<OrderId>,
    /// What is in it, if the event says so.
    pub lines: Vec<OrderLine>,
    /// How much money it is about.
    pub amount: Option<Money>,
    /// Why, in words for the customer.
    pub reason: Option<&'static str>,
}

impl News {
    /// What an event of an order tells; some tell nothing.
    pub fn of_order(event: OrderEvent) -> Option<Self> {
        let about = |kind, user_id, order_id, lines, amount| Self {
            kind,
            user_id,
            order_id: Some(order_id),
            lines,
            amount,
            reason: None,
        };
        match event {
            OrderEvent::OrderPlaced(order) => {
                Some(about(Kind::OrderPlaced, order.user_id, order.order_id, order.lines, Some(order.total)))
            }
            OrderEvent::OrderConfirmed(order) => {
                Some(about(Kind::OrderConfirmed, order.user_id, order.order_id, order.lines, Some(order.total)))
            }
            OrderEvent::OrderShipped(order) => {
                Some(about(Kind::OrderShipped, order.user_id, order.order_id, Vec::new(), None))
            }
            OrderEvent::OrderCancelled(order) => {
                let news = about(Kind::OrderCancelled, order.user_id, order.order_id, order.lines, Some(order.total));
                Some(Self { reason: Some(explain(order.reason)), ..news })
            }
            OrderEvent::OrderRefunded(order) => {
                Some(about(Kind::OrderRefunded, order.user_id, order.order_id, Vec::new(), Some(order.total)))
            }
            OrderEvent::CheckoutStarted(_) | OrderEvent::OrderProcessing(_) | OrderEvent::OrderDelivered(_) => None,
        }
    }

    /// What an event of a payment tells; some tell nothing.
    pub fn of_payment(event: PaymentEvent) -> Option<Self> {
        let about = |kind, user_id, order_id, amount| Self {
            kind,
            user_id,
            order_id: Some(order_id),
            lines: Vec::new(),
            amount: Some(amount),
            reason: None,
        };
        match event {
            PaymentEvent::PaymentProcessed(payment) => {
                Some(about(Kind::PaymentProcessed, payment.user_id, payment.order_id, payment.amount))
            }
            PaymentEvent::PaymentFailed(payment) => {
                Some(about(Kind::PaymentFailed, payment.user_id, payment.order_id, payment.amount))
            }
            PaymentEvent::PaymentRequested(_) | PaymentEvent::PaymentRefunded(_) => None,
        }
    }

    /// What an event of an account tells; some tell nothing.
    pub fn of_user(event: &UserEvent) -> Option<Self> {
        match event {
            UserEvent::UserRegistered(user) => Some(Self {
                kind: Kind::UserRegistered,
                user_id: user.user_id,
                order_id: None,
                lines: Vec::new(),
                amount: None,
                reason: None,
            }),
            UserEvent::UserUpdated(_) | UserEvent::UserDeleted(_) => None,
        }
    }
}

fn explain(reason: CancelReason) -> &'static str {
    match reason {
        CancelReason::OutOfStock => "We do not have enough of what you ordered. You were not charged.",
        CancelReason::PaymentDeclined => "Your bank declined the payment. You were not charged.",
        CancelReason::PaymentUnavailable => "We could not reach the payment provider. You were not charged.",
        CancelReason::CheckoutFailed => {
            "Something went wrong on our side. If you were charged, the money is on its way back."
        }
        CancelReason::Unpaid => "It was not paid in time. You were not charged.",
        CancelReason::Requested => "It was cancelled on request. If you were charged, the money is on its way back.",
    }
}
