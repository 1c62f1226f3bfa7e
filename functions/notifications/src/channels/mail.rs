//! Mails by SES.

use aws_config::SdkConfig;
use aws_sdk_sesv2::{
    Client,
    config::Builder,
    error::BuildError,
    types::{Body, Content, Destination, EmailContent, Message},
};
use kernel::Email;
use lambda::env;

use super::{Failure, classify, single_attempt};
use crate::templates::Mail;

/// The error codes of mails that SES will never accept. `MessageRejected` is not one of them: SES returns it while the
/// address of the sender or the recipient is not verified.
const PERMANENT_ERRORS: [&str; 1] = ["BadRequestException"];

pub(crate) struct Mailer {
    client: Client,
    sender: String,
}

impl Mailer {
    pub(crate) fn connect(config: &SdkConfig) -> Result<Self, lambda::Error> {
        let (retries, timeouts) = single_attempt();
        let config = Builder::from(config).retry_config(retries).timeout_config(timeouts).build();
        Ok(Self { client: Client::from_conf(config), sender: env("MAIL_SENDER")? })
    }

    pub(crate) async fn send(&self, to: &Email, mail: &Mail) -> Result<(), Failure> {
        let content = content(mail).map_err(|_| Failure::Rejected("invalid mail".to_owned()))?;
        let sent = self
            .client
            .send_email()
            .from_email_address(&self.sender)
            .destination(Destination::builder().to_addresses(to.expose()).build())
            .content(content)
            .send()
            .await;
        sent.map(drop).map_err(|error| classify(&error, &PERMANENT_ERRORS))
    }
}

fn content(mail: &Mail) -> Result<EmailContent, BuildError> {
    let utf8 = |text: &str| Content::builder().data(text).charset("UTF-8").build();
    let body = Body::builder().text(utf8(&mail.text)?).html(utf8(&mail.html)?).build();
    let message = Message::builder().subject(utf8(&mail.subject)?).body(body).build();
    Ok(EmailContent::builder().simple(message).build())
}
