use kernel::{Invalid, Redacted, Text};
use lambda::{
    http::{self, Reply, Request},
    input::{Field, Fields, schema_of},
    openapi::{Object, Operation},
    policy::{Access, Limit, Route},
};
use schemars::{Schema, json_schema};
use serde_json::{Value, json};

use super::response::{DeviceResponse, device_example};
use crate::{Notifications, NotificationsError, Push, devices::DeviceRegistration};

/// The token by which a push platform identifies a device. It is personal data like an address, because whoever has it
/// can reach the device.
struct Token(Redacted<String>);

type Name = Text<1, 60>;

pub(crate) const ROUTE: Route =
    Route::new("POST /api/v1/notifications/devices", Access::Customer).limited(Limit::Writes);

/// `POST /notifications/devices`: registers a device for push notifications; the same token is always the same device.
pub async fn register_device((notifications, push): &(Notifications, Push), request: &Request) -> Reply {
    let user_id = request.caller()?.user_id;
    let registration = request.body(read)?;
    let device = notifications.register_device(push, user_id, &registration, request.now).await?;
    let location = format!("/api/v1/notifications/devices/{}", device.id);
    Ok(http::created(location, &DeviceResponse::from(&device))?.into())
}

fn read(body: &Fields<'_>) -> Option<DeviceRegistration> {
    let token = body.required::<Token>("token");
    let name = body.required::<Name>("name");
    Some(DeviceRegistration { token: token?.0, name: Redacted::new(name?) })
}

impl Field for Token {
    fn read(value: &Value) -> Result<Self, Invalid> {
        let text = value.as_str().ok_or_else(|| Invalid::new("wrong_type", "must be a string"))?;
        if !(16..=2_048).contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Invalid::new("not_a_token", "must be 16 to 2048 visible ASCII characters"));
        }
        Ok(Self(Redacted::new(text.to_owned())))
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "minLength": 16, "maxLength": 2_048, "pattern": "^[!-~]+$" })
    }
}

/// Describes the endpoint for OpenAPI.
pub(super) fn operation() -> Operation {
    let name = schema_of::<Name>();
    Operation::new(ROUTE, "registerDevice", "Register a device for push notifications")
        .describe(
            "Registering the same token again returns the same device. A device of another user becomes the caller's. \
             A user can have up to 10 devices.",
        )
        .body(
            Object::new()
                .required::<Token>("token")
                .description("The device token from the push platform (APNs or FCM).")
                .required_as("name", name)
                .description("A name for the device.")
                .example(
                    "a phone",
                    json!({
                        "token": "fcm-registration:APA91bHun4MxP5egoKMwt2KZFBaFUH-1RYqx",
                        "name": "My phone",
                    }),
                ),
        )
        .created::<DeviceResponse<'_>>("The registered device.", device_example())
        .refuses(NotificationsError::PushDisabled)
        .refuses(NotificationsError::TooManyDevices)
        .refuses(NotificationsError::UnknownToken)
        .refuses(NotificationsError::UserDeleted)
        .refuses(NotificationsError::Busy)
}
