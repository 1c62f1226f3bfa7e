//! Text messages by SNS.

use aws_config::SdkConfig;
use aws_sdk_sns::{Client, config::Builder, error::BuildError, types::MessageAttributeValue};

use super::{Failure, failure, once};
use crate::domain::PhoneNumber;

/// What SNS will never send: no such number, or its owner does not want to hear from us.
const REFUSALS: [&str; 4] = ["InvalidParameter", "InvalidParameterValue", "OptedOut", "ValidationException"];

pub(crate) struct Telephone {
    client: Client,
}

impl Telephone {
    pub(crate) fn connect(config: &SdkConfig) -> Self {
        let (retries, timeouts) = once();
        let once = Builder::from(config).retry_config(retries).timeout_config(timeouts).build();
        Self { client: Client::from_conf(once) }
    }

    pub(crate) async fn send(&self, to: &PhoneNumber, text: &str) -> Result<(), Failure> {
        let kind = transactional().map_err(|_| Failure::Refused("not a message".to_owned()))?;
        let publish = self.client.publish().phone_number(to.expose()).message(text);
        let sent = publish.message_attributes("AWS.SNS.SMS.SMSType", kind).send().await;
        sent.map(drop).map_err(|error| failure(&error, &REFUSALS))
    }
}

/// Delivered before what is advertising, and at any hour.
fn transactional() -> Result<MessageAttributeValue, BuildError> {
    MessageAttributeValue::builder().data_type("String").string_value("Transactional").build()
}
