use lambda::{
    http::{self, ApiRequest, Reply, Request},
    openapi::Operation,
    policy::{Access, Route},
};

use super::response::{PreferencesResponse, example};
use crate::{Notifications, NotificationsError};

pub(crate) const ROUTE: Route = Route::new("GET /api/v1/notifications/preferences", Access::Customer);

/// `GET /notifications/preferences`: returns the notification settings of the caller.
pub async fn get_preferences(notifications: &Notifications, request: Request) -> Reply {
    http::ok(&PreferencesResponse::from(&notifications.contact(request.caller()?.user_id).await?))
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    Operation::new(ROUTE, "getPreferences", "Get notification preferences")
        .describe("The channels for each type of event, with the phone number and the devices of the caller, masked.")
        .ok::<PreferencesResponse<'_>>("The preferences.", example())
        .refuses(NotificationsError::UserDeleted)
}
