use lambda::{
    http::{self, Reply, Request},
    openapi::Operation,
};

use crate::{Notifications, NotificationsError, Push};

/// `DELETE /notifications/devices/{device_id}`: no push messages go there any more.
pub async fn delete_device((notifications, push): &(Notifications, Push), request: &Request) -> Reply {
    let user_id = request.caller()?.user_id;
    notifications.remove_device(push, user_id, request.id("device_id", "device")?).await?;
    http::no_content()
}

/// How the document tells of it.
pub(super) fn operation() -> Operation {
    Operation::new("DELETE /api/v1/notifications/devices/{device_id}", "deleteDevice", "Forget a device")
        .no_content("It is forgotten.")
        .refuses(NotificationsError::NoDevice)
        .refuses(NotificationsError::Busy)
}
