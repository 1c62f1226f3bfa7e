use kernel::{Invalid, Redacted, Text};
use lambda::{
    http::{self, Reply, Request},
    input::{Field, Fields, schema_of},
    openapi::{Object, Operation},
};
use schemars::{Schema, json_schema};
use serde_json::{Value, json};

use super::answer::{DeviceAnswer, device_example};
use crate::{Notifications, NotificationsError, Push, devices::Registration};

/// What a platform knows a device by. It is as good as an address: whoever has it can reach the device.
struct Token(Redacted<String>);

type Name = Text<1, 60>;

/// `POST /notifications/devices`: push messages go to this device, too; the same token is the same device.
pub async fn register_device((notifications, push): &(Notifications, Push), request: &Request) -> Reply {
    let user_id = request.caller()?.user_id;
    let wanted = request.body(read)?;
    let device = notifications.register_device(push, user_id, &wanted, request.now).await?;
    let location = format!("/api/v1/notifications/devices/{}", device.id);
    Ok(http::created(location, &DeviceAnswer::from(&device))?.into())
}

fn read(body: &Fields<'_>) -> Option<Registration> {
    let token = body.required::<Token>("token");
    let name = body.required::<Name>("name");
    Some(Registration { token: token?.0, name: Redacted::new(name?) })
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

/// How the document tells of it.
pub(super) fn operation() -> Operation {
    let name = schema_of::<Name>();
    Operation::new("POST /api/v1/notifications/devices", "registerDevice", "Send push messages to a device, too")
        .describe(
            "The same token is the same device, however often it is registered; one that was another user's is the caller's from then on. \
             Nobody has more than 10.",
        )
        .body(
            Object::new()
                .required::<Token>("token")
                .about("What the device's platform (APNs, FCM) knows it by.")
                .required_as("name", name)
                .about("What its owner calls it.")
                .example("a phone", json!({
                    "token": "fcm-registration:APA91bHun4MxP5egoKMwt2KZFBaFUH-1RYqx",
                    "name": "My phone",
                })),
        )
        .created::<DeviceAnswer<'_>>("The device.", device_example())
        .refuses(NotificationsError::PushIsOff)
        .refuses(NotificationsError::TooManyDevices)
        .refuses(NotificationsError::UnknownToken)
        .refuses(NotificationsError::Gone)
        .refuses(NotificationsError::Busy)
}
