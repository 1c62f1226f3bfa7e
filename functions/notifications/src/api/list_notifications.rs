use contracts::{NotificationChannel, NotificationKind, NotificationStatus};
use kernel::{NotificationId, OrderId, Timestamp};
use lambda::{
    cursor::Cursors,
    http::{self, ApiRequest, Reply, Request},
    openapi::Operation,
    policy::{Access, Route},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::{Notifications, SentNotification};

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NotificationList")]
struct ListResponse {
    items: Vec<NotificationResponse>,
    next_cursor: Option<String>,
}

/// A notification that was sent to the caller, or could not be sent.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Notification")]
struct NotificationResponse {
    id: NotificationId,
    /// The type of the event.
    #[serde(rename = "type")]
    kind: NotificationKind,
    channel: NotificationChannel,
    /// The email address, phone number or device token, masked.
    recipient: String,
    /// `failed` if the provider rejected it permanently, or all attempts failed.
    status: NotificationStatus,
    /// The order that the notification is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<OrderId>,
    /// When it was sent, or recorded as failed.
    sent_at: Timestamp,
}

impl From<SentNotification> for NotificationResponse {
    fn from(SentNotification { notification, at }: SentNotification) -> Self {
        Self {
            id: notification.notification_id,
            kind: notification.kind,
            channel: notification.channel,
            recipient: notification.recipient,
            status: notification.status,
            order_id: notification.order_id,
            sent_at: at,
        }
    }
}

pub(crate) const ROUTE: Route = Route::new("GET /api/v1/notifications", Access::Customer);

/// `GET /notifications`: lists the notifications of the caller, newest first.
pub async fn list_notifications((notifications, cursors): &(Notifications, Cursors), request: Request) -> Reply {
    let user_id = request.caller()?.user_id;
    let limit = request.limit()?;
    let scope = format!("GET /notifications {user_id}");
    let after = request.query("cursor").map(|cursor| cursors.open(&scope, &cursor)).transpose()?;
    let (sent, next) = notifications.sent_to(user_id, after, limit).await?;
    let next_cursor = next.map(|id| cursors.seal(&scope, &id.to_string()));
    http::ok(&ListResponse { items: sent.into_iter().map(NotificationResponse::from).collect(), next_cursor })
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    let example = json!({
        "id": "01a1fccc-a1b6-7e1c-8d40-3f4f7f1f3b52",
        "type": "OrderConfirmed",
        "channel": "email",
        "recipient": "a***@example.com",
        "status": "sent",
        "order_id": "01930000-0000-7003-8000-000000000001",
        "sent_at": "2026-11-21T06:30:32.000Z",
    });
    Operation::new(ROUTE, "listNotifications", "List notifications")
        .describe(
            "The notifications of the last 90 days by all channels, newest first. A notification with the status \
             `failed` may be sent later; its status is `sent` then.",
        )
        .list()
        .ok::<ListResponse>("A page of notifications.", json!({ "items": [example], "next_cursor": null }))
}
