use lambda::{
    http::{self, ApiRequest, Reply, Request},
    openapi::Operation,
    policy::{Access, Limit, Route},
};

use crate::{Notifications, NotificationsError, Push};

pub(crate) const ROUTE: Route =
    Route::new("DELETE /api/v1/notifications/devices/{device_id}", Access::Owner).limited(Limit::Writes);

/// `DELETE /notifications/devices/{device_id}`: stops push notifications to a device.
pub async fn delete_device((notifications, push): &(Notifications, Push), request: Request) -> Reply {
    let user_id = request.caller()?.user_id;
    notifications.remove_device(push, user_id, request.id("device_id", "device")?).await?;
    http::no_content()
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    Operation::new(ROUTE, "deleteDevice", "Delete a device")
        .no_content("The device was deleted.")
        .refuses(NotificationsError::NoDevice)
        .refuses(NotificationsError::Busy)
}
