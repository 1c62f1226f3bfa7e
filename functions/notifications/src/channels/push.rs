//! Push messages by SNS, where each device is an endpoint of a platform application.

use aws_config::SdkConfig;
use aws_sdk_sns::{
    Client,
    config::Builder,
    error::{ProvideErrorMetadata, SdkError},
};
use kernel::Redacted;
use lambda::env;
use serde_json::json;

use super::{Failure, classify, single_attempt};
use crate::{NotificationsError, templates::PushMessage};

/// The error codes of push messages that SNS will never accept.
const PERMANENT_ERRORS: [&str; 3] = ["InvalidParameter", "InvalidParameterValue", "ValidationException"];

/// Registers devices and sends push messages to them. Does neither if the shop has no platform application.
pub struct Push {
    /// Retries calls, unlike `sender`.
    client: Client,
    sender: Client,
    application: Option<String>,
}

impl Push {
    /// Creates the clients with the SDK configuration of the environment.
    ///
    /// # Errors
    /// If `PUSH_APPLICATION_ARN` is not set. It may be empty.
    pub fn connect(config: &SdkConfig) -> Result<Self, lambda::Error> {
        Ok(Self::new(config, Self::application()?))
    }

    /// Returns the ARN of the platform application, if the shop has one.
    pub(crate) fn application() -> Result<Option<String>, lambda::Error> {
        Ok(Some(env("PUSH_APPLICATION_ARN")?).filter(|arn| !arn.is_empty()))
    }

    pub(crate) fn new(config: &SdkConfig, application: Option<String>) -> Self {
        let (retries, timeouts) = single_attempt();
        let sender = Builder::from(config).retry_config(retries).timeout_config(timeouts).build();
        Self { client: Client::new(config), sender: Client::from_conf(sender), application }
    }

    /// Whether the shop sends push messages.
    pub(crate) fn is_enabled(&self) -> bool {
        self.application.is_some()
    }

    /// Returns the endpoint of the device with this token, always the same one. It enables the endpoint, because SNS
    /// may have disabled an existing one.
    pub(crate) async fn register(&self, token: &Redacted<String>) -> Result<String, NotificationsError> {
        let application = self.application.as_ref().ok_or(NotificationsError::PushDisabled)?;
        let create = self.client.create_platform_endpoint().platform_application_arn(application);
        let endpoint = match create.token(token.expose()).send().await {
            Ok(created) => created.endpoint_arn.ok_or_else(|| NotificationsError::Push("no endpoint".to_owned()))?,
            Err(error) => match error.message().and_then(existing_endpoint) {
                Some(endpoint) => endpoint.to_owned(),
                None => return Err(registration_error(&error)),
            },
        };
        let enable = self.client.set_endpoint_attributes().endpoint_arn(&endpoint);
        let enable = enable.attributes("Enabled", "true").attributes("Token", token.expose());
        enable.send().await.map_err(|error| registration_error(&error))?;
        Ok(endpoint)
    }

    /// Deletes an endpoint, if it exists.
    pub(crate) async fn delete_endpoint(&self, endpoint: &str) -> Result<(), NotificationsError> {
        let deleted = self.client.delete_endpoint().endpoint_arn(endpoint).send().await;
        deleted.map(drop).map_err(|error| NotificationsError::Push(code(&error)))
    }

    pub(crate) async fn send(&self, endpoint: &str, message: &PushMessage) -> Result<(), Failure> {
        let publish = self.sender.publish().target_arn(endpoint).message(to_json(message)).message_structure("json");
        publish.send().await.map(drop).map_err(|error| {
            let no_endpoint = error.message().is_some_and(|message| message.contains("No endpoint found"));
            match code(&error) {
                code if no_endpoint || code == "EndpointDisabled" || code == "NotFound" => Failure::DeviceGone(code),
                _ => classify(&error, &PERMANENT_ERRORS),
            }
        })
    }
}

fn code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> String {
    error.code().unwrap_or("no response").to_owned()
}

/// Returns the error for a token that was not registered.
fn registration_error<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> NotificationsError {
    match code(error).as_str() {
        "InvalidParameter" | "InvalidParameterValue" => NotificationsError::UnknownToken,
        other => NotificationsError::Push(other.to_owned()),
    }
}

/// Returns the existing endpoint of a token, which SNS returns only within an error message, if the endpoint has other
/// attributes.
fn existing_endpoint(message: &str) -> Option<&str> {
    let exists = message.contains("already exists with the same Token");
    message.split_whitespace().find(|word| exists && word.starts_with("arn:") && word.contains(":endpoint/"))
}

/// Returns the message in the format of each platform, of which SNS uses that of the endpoint.
fn to_json(message: &PushMessage) -> String {
    let PushMessage { title, body, link } = message;
    let apple = json!({ "aps": { "alert": { "title": title, "body": body } }, "link": link }).to_string();
    let google = json!({ "notification": { "title": title, "body": body }, "data": { "link": link } });
    let google = json!({ "fcmV1Message": { "message": google } }).to_string();
    json!({ "default": body, "APNS": apple, "APNS_SANDBOX": apple, "GCM": google }).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn an_existing_endpoint_is_found_in_the_error_message() {
        let arn = "arn:aws:sns:eu-central-1:000000000000:endpoint/GCM/shop/3f2d8c1e-0b57-3d0c-9a54-1f6f6b0f3c11";
        let message = format!(
            "Invalid parameter: Token Reason: Endpoint {arn} already exists with the same Token, but different attributes."
        );
        assert_eq!(existing_endpoint(&message), Some(arn));
        assert_eq!(existing_endpoint(&format!("Invalid parameter: {arn} is no token")), None);
    }

    #[test]
    fn each_platform_has_its_format_as_a_json_string() {
        let message = PushMessage {
            title: "On its \"way\"".to_owned(),
            body: "Now.".to_owned(),
            link: "https://a.example".to_owned(),
        };
        let whole: Value = serde_json::from_str(&to_json(&message)).expect("JSON");
        let part = |name: &str| -> Value { serde_json::from_str(whole[name].as_str().expect("a text")).expect("JSON") };
        assert_eq!(whole["default"], "Now.");
        assert_eq!(part("APNS")["aps"]["alert"]["title"], message.title.as_str());
        assert_eq!(part("GCM")["fcmV1Message"]["message"]["data"]["link"], message.link.as_str());
    }
}
