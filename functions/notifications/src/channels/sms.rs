//! Text messages by SNS.

use aws_config::SdkConfig;
use aws_sdk_sns::{Client, config::Builder, error::BuildError, types::MessageAttributeValue};

use super::{Failure, classify, single_attempt};
use crate::domain::PhoneNumber;

/// The error codes of text messages that SNS will never accept: the number is invalid, or its owner has opted out.
const PERMANENT_ERRORS: [&str; 4] = ["InvalidParameter", "InvalidParameterValue", "OptedOut", "ValidationException"];

pub(crate) struct SmsSender {
    client: Client,
}

impl SmsSender {
    pub(crate) fn connect(config: &SdkConfig) -> Self {
        let (retries, timeouts) = single_attempt();
        let config = Builder::from(config).retry_config(retries).timeout_config(timeouts).build();
        Self { client: Client::from_conf(config) }
    }

    pub(crate) async fn send(&self, to: &PhoneNumber, text: &str) -> Result<(), Failure> {
        let kind = transactional().map_err(|_| Failure::Rejected("invalid message".to_owned()))?;
        let publish = self.client.publish().phone_number(to.expose()).message(text);
        let sent = publish.message_attributes("AWS.SNS.SMS.SMSType", kind).send().await;
        sent.map(drop).map_err(|error| classify(&error, &PERMANENT_ERRORS))
    }
}

/// Transactional messages are delivered before promotional ones, and at any hour.
fn transactional() -> Result<MessageAttributeValue, BuildError> {
    MessageAttributeValue::builder().data_type("String").string_value("Transactional").build()
}
