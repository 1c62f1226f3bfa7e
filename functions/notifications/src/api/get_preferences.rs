use lambda::{
    http::{self, Reply, Request},
    openapi::Operation,
};

use super::answer::{PreferencesAnswer, example};
use crate::{Notifications, NotificationsError};

/// `GET /notifications/preferences`: how the caller is told of what.
pub async fn get_preferences(notifications: &Notifications, request: &Request) -> Reply {
    http::ok(&PreferencesAnswer::from(&notifications.contact(request.caller()?.user_id).await?))
}

/// How the document tells of it.
pub(super) fn operation() -> Operation {
    Operation::new("GET /api/v1/notifications/preferences", "getPreferences", "How the caller is told of what")
        .describe("With the caller's phone number and devices, masked.")
        .ok::<PreferencesAnswer<'_>>("The preferences.", example())
        .refuses(NotificationsError::Gone)
}
