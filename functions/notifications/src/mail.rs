//! Mail by SES.

use aws_config::SdkConfig;
use aws_sdk_sesv2::{
    Client,
    error::BuildError,
    types::{Body, Content, Destination, EmailContent, Message},
};
use kernel::{Chain, Email};
use lambda::env;

use crate::{NotificationsError, templates::Rendered};

pub(crate) struct Mailer {
    client: Client,
    sender: String,
    pub(crate) shop_name: String,
}

impl Mailer {
    pub(crate) fn connect(config: &SdkConfig) -> Result<Self, lambda::Error> {
        Ok(Self { client: Client::new(config), sender: env("MAIL_SENDER")?, shop_name: env("SHOP_NAME")? })
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
        sent.map(drop).map_err(|error| NotificationsError::NotSent(Chain(error).to_string()))
    }
}

fn content(mail: &Rendered) -> Result<EmailContent, BuildError> {
    let utf8 = |text: &str| Content::builder().data(text).charset("UTF-8").build();
    let body = Body::builder().text(utf8(&mail.text)?).html(utf8(&mail.html)?).build();
    let message = Message::builder().subject(utf8(&mail.subject)?).body(body).build();
    Ok(EmailContent::builder().simple(message).build())
}
