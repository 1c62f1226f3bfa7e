use std::str::FromStr;

use deserr::Deserr;
use kernel::{Invalid, Redacted, Text};
use lambda::{
    field_schema,
    http::{self, ApiRequest, Reply, Request},
    input::InvalidFields,
    openapi::{Form, Operation},
    policy::{Access, Limit, Route},
    text_fields,
};
use schemars::JsonSchema;
use serde_json::json;

use super::response::{DeviceResponse, device_example};
use crate::{Notifications, NotificationsError, Push, devices::DeviceRegistration};

/// The token by which a push platform identifies a device. It is personal data like an address, because whoever has it
/// can reach the device.
struct Token(Redacted<String>);

pub(crate) const ROUTE: Route =
    Route::new("POST /api/v1/notifications/devices", Access::Customer).limited(Limit::Writes);

#[derive(Deserr, JsonSchema)]
#[deserr(error = InvalidFields, deny_unknown_fields)]
struct RegisterDevice {
    /// The device token from the push platform (APNs or FCM).
    token: Token,
    /// A name for the device.
    name: Redacted<Text<1, 60>>,
}

/// `POST /notifications/devices`: registers a device for push notifications; the same token is always the same device.
pub async fn register_device((notifications, push): &(Notifications, Push), request: Request) -> Reply {
    let user_id = request.caller()?.user_id;
    let RegisterDevice { token: Token(token), name } = request.json()?;
    let registration = DeviceRegistration { token, name };
    let device = notifications.register_device(push, user_id, &registration, request.now()).await?;
    let location = format!("/api/v1/notifications/devices/{}", device.id);
    Ok(http::created(location, &DeviceResponse::from(&device))?.into())
}

impl FromStr for Token {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if !(16..=2_048).contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Invalid::new("not_a_token", "must be 16 to 2048 visible ASCII characters"));
        }
        Ok(Self(Redacted::new(text.to_owned())))
    }
}
text_fields!(Token);
field_schema!(Token, { "type": "string", "minLength": 16, "maxLength": 2_048, "pattern": "^[!-~]+$" });

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    Operation::new(ROUTE, "registerDevice", "Register a device for push notifications")
        .describe(
            "Registering the same token again returns the same device. A device of another user becomes the caller's. \
             A user can have up to 10 devices.",
        )
        .body(Form::of::<RegisterDevice>().example(
            "a phone",
            json!({
                "token": "fcm-registration:APA91bHun4MxP5egoKMwt2KZFBaFUH-1RYqx",
                "name": "My phone",
            }),
        ))
        .created::<DeviceResponse<'_>>("The registered device.", device_example())
        .refuses(NotificationsError::PushDisabled)
        .refuses(NotificationsError::TooManyDevices)
        .refuses(NotificationsError::UnknownToken)
        .refuses(NotificationsError::UserDeleted)
        .refuses(NotificationsError::Busy)
}
