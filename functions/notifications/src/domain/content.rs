//! The content of notifications, and the events that they are made from.

use contracts::{CancelReason, Event, NotificationKind as Kind, OrderEvent, OrderLine, PaymentEvent, UserEvent};
use kernel::{Money, OrderId, UserId};

/// The content of a notification, the same for all channels.
#[derive(Debug, Clone, PartialEq)]
pub struct NotificationContent {
    /// The type of the event.
    pub kind: Kind,
    /// The recipient.
    pub user_id: UserId,
    /// The order that the notification is about, if there is one.
    pub order_id: Option<OrderId>,
    /// The lines of the order, if the event has them.
    pub lines: Vec<OrderLine>,
    /// The amount of money that the notification is about, if there is one.
    pub amount: Option<Money>,
    /// The reason, as a text for the customer, if there is one.
    pub reason: Option<&'static str>,
}

/// The events of a context of which customers may be notified.
pub trait Notifiable: Event {
    /// Converts an event to the content of its notification, or to nothing if customers are not notified of it.
    fn into_content(self) -> Option<NotificationContent>;
}

impl Notifiable for OrderEvent {
    fn into_content(self) -> Option<NotificationContent> {
        let content = |kind, user_id, order_id, lines, amount| NotificationContent {
            kind,
            user_id,
            order_id: Some(order_id),
            lines,
            amount,
            reason: None,
        };
        match self {
            Self::OrderPlaced(order) => {
                Some(content(Kind::OrderPlaced, order.user_id, order.order_id, order.lines, Some(order.total)))
            }
            Self::OrderConfirmed(order) => {
                Some(content(Kind::OrderConfirmed, order.user_id, order.order_id, order.lines, Some(order.total)))
            }
            Self::OrderShipped(order) => {
                Some(content(Kind::OrderShipped, order.user_id, order.order_id, Vec::new(), None))
            }
            Self::OrderCancelled(order) => {
                let cancelled =
                    content(Kind::OrderCancelled, order.user_id, order.order_id, order.lines, Some(order.total));
                Some(NotificationContent { reason: Some(cancellation_text(order.reason)), ..cancelled })
            }
            Self::OrderRefunded(order) => {
                Some(content(Kind::OrderRefunded, order.user_id, order.order_id, Vec::new(), Some(order.total)))
            }
            Self::CheckoutStarted(_) | Self::OrderProcessing(_) | Self::OrderDelivered(_) => None,
        }
    }
}

impl Notifiable for PaymentEvent {
    fn into_content(self) -> Option<NotificationContent> {
        let content = |kind, user_id, order_id, amount| NotificationContent {
            kind,
            user_id,
            order_id: Some(order_id),
            lines: Vec::new(),
            amount: Some(amount),
            reason: None,
        };
        match self {
            Self::PaymentProcessed(payment) => {
                Some(content(Kind::PaymentProcessed, payment.user_id, payment.order_id, payment.amount))
            }
            Self::PaymentFailed(payment) => {
                Some(content(Kind::PaymentFailed, payment.user_id, payment.order_id, payment.amount))
            }
            Self::PaymentRequested(_) | Self::PaymentRefunded(_) => None,
        }
    }
}

impl Notifiable for UserEvent {
    fn into_content(self) -> Option<NotificationContent> {
        match self {
            Self::UserRegistered(user) => Some(NotificationContent {
                kind: Kind::UserRegistered,
                user_id: user.user_id,
                order_id: None,
                lines: Vec::new(),
                amount: None,
                reason: None,
            }),
            Self::UserUpdated(_) | Self::UserDeleted(_) => None,
        }
    }
}

fn cancellation_text(reason: CancelReason) -> &'static str {
    match reason {
        CancelReason::OutOfStock => "Some of the items you ordered are out of stock. You were not charged.",
        CancelReason::PaymentDeclined => "Your payment could not be completed. You were not charged.",
        CancelReason::PaymentUnavailable => "We could not reach our payment provider. You were not charged.",
        CancelReason::CheckoutFailed => {
            "Something went wrong on our side. If you were charged, your refund is on its way."
        }
        CancelReason::Unpaid => "We did not receive your payment in time. You were not charged.",
        CancelReason::Requested => "It was cancelled on request. If you were charged, your refund is on its way.",
    }
}
