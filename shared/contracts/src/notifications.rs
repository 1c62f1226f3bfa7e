//! What `notifications` tells.

use kernel::{NotificationId, OrderId, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

crate::events!(
    /// The events of notifications.
    NotificationEvent from "notifications" {
        /// A customer was told of an event, or could not be told.
        NotificationSent,
    }
);

/// A customer was told of an event by one channel, or could not be told. One that failed may be sent after all, when its message
/// is taken out of the dead-letter queue: that is the second event of the same notification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotificationSent {
    /// Who.
    pub user_id: UserId,
    /// What was sent.
    pub notification_id: NotificationId,
    /// Of which type of event it tells.
    #[serde(rename = "type")]
    pub kind: NotificationKind,
    /// The order that it is about, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    /// The way it took.
    pub channel: NotificationChannel,
    /// Whereto, as much of it as may be shown: `a***@example.com`.
    pub recipient: String,
    /// What became of it.
    pub status: NotificationStatus,
}

/// The types of events that customers are told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum NotificationKind {
    /// Their account was made.
    UserRegistered,
    /// Their order is in.
    OrderPlaced,
    /// Their money was taken.
    PaymentProcessed,
    /// Their payment was declined.
    PaymentFailed,
    /// The sale stands.
    OrderConfirmed,
    /// The order left the house.
    OrderShipped,
    /// The order ended without a sale.
    OrderCancelled,
    /// The money went back.
    OrderRefunded,
}

/// A way to a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NotificationChannel {
    /// A mail.
    Email,
    /// A text message to their telephone.
    Sms,
    /// A push message to a device of theirs.
    Push,
}

/// What became of a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NotificationStatus {
    /// The channel's provider took it.
    Sent,
    /// It refused it for good, or did not take it as often as it was asked.
    Failed,
}
