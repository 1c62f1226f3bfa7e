//! The events that `notifications` publishes.

use kernel::{NotificationId, OrderId, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

crate::events!(
    /// The events of notifications.
    NotificationEvent from "notifications" {
        /// A notification was sent to a customer, or could not be sent.
        NotificationSent,
    }
);

/// A notification was sent to a customer through one channel, or could not be sent. A failed notification may be sent
/// later, when an operator redrives its message from the dead-letter queue; then a second event of the same
/// notification is published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotificationSent {
    /// The customer.
    pub user_id: UserId,
    /// The notification.
    pub notification_id: NotificationId,
    /// The type of the event that the notification is about.
    #[serde(rename = "type")]
    pub kind: NotificationKind,
    /// The order that the notification is about, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    /// The channel.
    pub channel: NotificationChannel,
    /// The recipient's address, masked: `a***@example.com`.
    pub recipient: String,
    /// The outcome.
    pub status: NotificationStatus,
}

/// The types of events that customers are notified of.
// As text, they have their names in preferences, such as `order_placed`.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[strum(serialize_all = "snake_case")]
pub enum NotificationKind {
    /// The account was created.
    UserRegistered,
    /// The order was placed.
    OrderPlaced,
    /// The payment was captured.
    PaymentProcessed,
    /// The payment failed for good: it was declined, or its capture was refused.
    PaymentFailed,
    /// The order was confirmed.
    OrderConfirmed,
    /// The order was shipped.
    OrderShipped,
    /// The order was cancelled.
    OrderCancelled,
    /// The order was refunded.
    OrderRefunded,
}

/// A channel through which a notification is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NotificationChannel {
    /// An e-mail.
    Email,
    /// A text message.
    Sms,
    /// A push message to a device.
    Push,
}

/// The outcome of a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NotificationStatus {
    /// The channel's provider accepted it.
    Sent,
    /// The provider rejected it for good, or did not accept it in any attempt.
    Failed,
}
