//! Push messages by SNS, which knows each device as an endpoint of a platform application.

use aws_config::SdkConfig;
use aws_sdk_sns::{
    Client,
    config::Builder,
    error::{ProvideErrorMetadata, SdkError},
};
use kernel::Redacted;
use lambda::env;
use serde_json::json;

use super::{Failure, failure, once};
use crate::{NotificationsError, templates::Note};

/// What SNS will never send.
const REFUSALS: [&str; 3] = ["InvalidParameter", "InvalidParameterValue", "ValidationException"];

/// Devices and what is sent to them; nothing, without a platform application.
pub struct Push {
    /// Repeats what may be repeated.
    client: Client,
    sender: Client,
    application: Option<String>,
}

impl Push {
    /// Over the environment's one configuration.
    ///
    /// # Errors
    /// When the template did not set `PUSH_APPLICATION_ARN`; it may be empty.
    pub fn connect(config: &SdkConfig) -> Result<Self, lambda::Error> {
        Ok(Self::new(config, Self::application()?))
    }

    /// The platform application, if the shop has one.
    pub(crate) fn application() -> Result<Option<String>, lambda::Error> {
        Ok(Some(env("PUSH_APPLICATION_ARN")?).filter(|arn| !arn.is_empty()))
    }

    pub(crate) fn new(config: &SdkConfig, application: Option<String>) -> Self {
        let (retries, timeouts) = once();
        let once = Builder::from(config).retry_config(retries).timeout_config(timeouts).build();
        Self { client: Client::new(config), sender: Client::from_conf(once), application }
    }

    /// Whether the shop sends push messages.
    pub(crate) fn is_on(&self) -> bool {
        self.application.is_some()
    }

    /// The endpoint of the device that has this token; the same each time. It is enabled, which one that SNS knew before may not have been.
    pub(crate) async fn register(&self, token: &Redacted<String>) -> Result<String, NotificationsError> {
        let application = self.application.as_ref().ok_or(NotificationsError::PushIsOff)?;
        let create = self.client.create_platform_endpoint().platform_application_arn(application);
        let endpoint = match create.token(token.expose()).send().await {
            Ok(made) => made.endpoint_arn.ok_or_else(|| NotificationsError::Push("no endpoint".to_owned()))?,
            Err(error) => match error.message().and_then(known_endpoint) {
                Some(endpoint) => endpoint.to_owned(),
                None => return Err(refused(&error)),
            },
        };
        let enable = self.client.set_endpoint_attributes().endpoint_arn(&endpoint);
        let enable = enable.attributes("Enabled", "true").attributes("Token", token.expose());
        enable.send().await.map_err(|error| refused(&error))?;
        Ok(endpoint)
    }

    /// Has SNS forget a device; one that it does not know, too.
    pub(crate) async fn forget(&self, endpoint: &str) -> Result<(), NotificationsError> {
        let forgotten = self.client.delete_endpoint().endpoint_arn(endpoint).send().await;
        forgotten.map(drop).map_err(|error| NotificationsError::Push(code(&error)))
    }

    pub(crate) async fn send(&self, endpoint: &str, note: &Note) -> Result<(), Failure> {
        let publish = self.sender.publish().target_arn(endpoint).message(message(note)).message_structure("json");
        publish.send().await.map(drop).map_err(|error| {
            let no_endpoint = error.message().is_some_and(|words| words.contains("No endpoint found"));
            match code(&error) {
                gone if no_endpoint || gone == "EndpointDisabled" || gone == "NotFound" => Failure::Gone(gone),
                _ => failure(&error, &REFUSALS),
            }
        })
    }
}

fn code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> String {
    error.code().unwrap_or("unanswered").to_owned()
}

/// Why a token was not registered.
fn refused<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> NotificationsError {
    match code(error).as_str() {
        "InvalidParameter" | "InvalidParameterValue" => NotificationsError::UnknownToken,
        other => NotificationsError::Push(other.to_owned()),
    }
}

/// The endpoint that SNS names where a token has one already, with other attributes. It says so in words alone.
fn known_endpoint(words: &str) -> Option<&str> {
    let is_known = words.contains("already exists with the same Token");
    words.split_whitespace().find(|word| is_known && word.starts_with("arn:") && word.contains(":endpoint/"))
}

/// One message in the form of each platform; SNS takes that of the endpoint's.
fn message(note: &Note) -> String {
    let Note { title, body, link } = note;
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
    fn an_endpoint_that_is_known_is_found_in_the_words() {
        let arn = "arn:aws:sns:eu-central-1:000000000000:endpoint/GCM/shop/3f2d8c1e-0b57-3d0c-9a54-1f6f6b0f3c11";
        let words = format!(
            "Invalid parameter: Token Reason: Endpoint {arn} already exists with the same Token, but different attributes."
        );
        assert_eq!(known_endpoint(&words), Some(arn));
        assert_eq!(known_endpoint(&format!("Invalid parameter: {arn} is no token")), None);
    }

    #[test]
    fn every_platform_has_its_form_as_a_text_of_json() {
        let note =
            Note { title: "On its \"way\"".to_owned(), body: "Now.".to_owned(), link: "https://a.example".to_owned() };
        let whole: Value = serde_json::from_str(&message(&note)).expect("JSON");
        let part = |name: &str| -> Value { serde_json::from_str(whole[name].as_str().expect("a text")).expect("JSON") };
        assert_eq!(whole["default"], "Now.");
        assert_eq!(part("APNS")["aps"]["alert"]["title"], note.title.as_str());
        assert_eq!(part("GCM")["fcmV1Message"]["message"]["data"]["link"], note.link.as_str());
    }
}
