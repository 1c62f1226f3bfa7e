use contracts::{NotificationChannel, NotificationKind, NotificationStatus};
use kernel::{NotificationId, OrderId, Timestamp};
use lambda::{
    cursor::Cursors,
    http::{self, Reply, Request},
    openapi::Operation,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::{Notifications, Sent};

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NotificationList")]
struct ListAnswer {
    items: Vec<NotificationAnswer>,
    next_cursor: Option<String>,
}

/// What the caller was told, or could not be told.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Notification")]
struct NotificationAnswer {
    id: NotificationId,
    /// The type of the event that it tells of.
    #[serde(rename = "type")]
    kind: NotificationKind,
    channel: NotificationChannel,
    /// Whereto, masked.
    recipient: String,
    /// `failed`: it was refused for good, or given up.
    status: NotificationStatus,
    /// The order that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<OrderId>,
    /// When it was sent, or given up.
    sent_at: Timestamp,
}

impl From<Sent> for NotificationAnswer {
    fn from(Sent { told, at }: Sent) -> Self {
        Self {
            id: told.notification_id,
            kind: told.kind,
            channel: told.channel,
            recipient: told.recipient,
            status: told.status,
            order_id: told.order_id,
            sent_at: at,
        }
    }
}

/// `GET /notifications`: what the caller was told, newest first.
pub async fn list_notifications((notifications, cursors): &(Notifications, Cursors), request: &Request) -> Reply {
    let user_id = request.caller()?.user_id;
    let limit = request.limit()?;
    let scope = format!("GET /notifications {user_id}");
    let after = request.query("cursor").map(|cursor| cursors.open(&scope, &cursor)).transpose()?;
    let (sent, next) = notifications.sent_to(user_id, after, limit).await?;
    let next_cursor = next.map(|id| cursors.seal(&scope, &id.to_string()));
    http::ok(&ListAnswer { items: sent.into_iter().map(NotificationAnswer::from).collect(), next_cursor })
}

/// How the document tells of it.
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
    Operation::new("GET /api/v1/notifications", "listNotifications", "What the caller was told, newest first")
        .describe("By every channel, for 90 days. What was given up may be sent after all; then it says so.")
        .list()
        .ok::<ListAnswer>("A page of notifications.", json!({ "items": [example], "next_cursor": null }))
}
