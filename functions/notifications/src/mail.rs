//! Mail by SES.

use std::time::Duration;

use aws_config::{SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_sesv2::{
    Client,
    config::Builder,
    error::{BuildError, ProvideErrorMetadata},
    types::{Body, Content, Destination, EmailContent, Message},
};
use kernel::Email;
use lambda::env;

use crate::{NotificationsError, templates::Rendered};

pub(crate) struct Mailer {
    client: Client,
    sender: String,
    pub(crate) shop_name: String,
}

impl Mailer {
    pub(crate) fn connect(config: &SdkConfig) -> Result<Self, lambda::Error> {
        // SES cannot tell a second try from a second mail: one try, and all the time there is for it.
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(4)).build();
        let once = Builder::from(config).retry_config(RetryConfig::disabled()).timeout_config(timeouts).build();
        Ok(Self { client: Client::from_conf(once), sender: env("MAIL_SENDER")?, shop_name: env("SHOP_NAME")? })
    }

    pub(crate) async fn send(&self, to: &Email, mail: &Rendered) -> Result<(), NotificationsError> {
        let content = content(mail).map_err(|error| NotificationsError::NotSent(error.to_string()))?;
        let sent = self
            .client
            .send_email()
            .from_email_address(&self.sender)
            .destination(Destination::builder().to_addresses(to.expose()).build())
            .content(content)
            .send()
            .await;
        // Only the code: the message of a refusal quotes addresses.
        sent.map(drop).map_err(|error| match error.as_service_error() {
            Some(refusal) => NotificationsError::NotSent(refusal.code().unwrap_or("unknown").to_owned()),
            None => NotificationsError::Unanswered,
        })
    }
}

fn content(mail: &Rendered) -> Result<EmailContent, BuildError> {
    let utf8 = |text: &str| Content::builder().data(text).charset("UTF-8").build();
    let body = Body::builder().text(utf8(&mail.text)?).html(utf8(&mail.html)?).build();
    let message = Message::builder().subject(utf8(&mail.subject)?).body(body).build();
    Ok(EmailContent::builder().simple(message).build())
}
