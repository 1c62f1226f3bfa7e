//! Notifications: mail about orders, each once. The order stands, whatever becomes of its mail.

pub mod consumers;
mod mail;
mod store;
mod templates;

use aws_config::SdkConfig;
use dynamo::{StoreError, Table};
use kernel::{EventId, Timestamp, UserId};
use lambda::env;

use crate::{mail::Mailer, store::Store, templates::Mail};

/// The use cases of notifications.
pub struct Notifications {
    store: Store,
    mailer: Mailer,
}

/// Why a mail was not sent. The message comes again, and with it the mail.
#[derive(Debug, thiserror::Error)]
pub enum NotificationsError {
    /// The user's address has not been heard of yet.
    #[error("no address is known of the user")]
    NoContact,
    /// Another environment is sending the same mail, or died while it did.
    #[error("the mail is being sent")]
    BeingSent,
    /// The mail could not be written.
    #[error("a template failed: {0}")]
    Template(#[from] minijinja::Error),
    /// SES did not take the mail.
    #[error("the mail was not sent: {0}")]
    NotSent(String),
    /// SES did not answer: it may have taken the mail. The claim runs out before the mail is tried again.
    #[error("the mail service did not answer")]
    Unanswered,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Notifications {
    /// Over the environment's one configuration.
    ///
    /// # Errors
    /// When the template did not set a variable.
    pub fn connect(config: &SdkConfig) -> Result<Self, lambda::Error> {
        Ok(Self { store: Store::new(Table::connect(config, env("TABLE_NAME")?)), mailer: Mailer::connect(config)? })
    }

    /// Mails `mail` to `user_id`, once for the event `about`.
    ///
    /// SES cannot be asked whether it has sent a mail. So a mail can come twice in two cases: when the function dies after SES took
    /// it and before that was recorded, and when SES took it but its answer was lost.
    async fn send(&self, user_id: UserId, about: EventId, mail: Mail<'_>) -> Result<(), NotificationsError> {
        let contact = self.store.contact(user_id).await?.ok_or(NotificationsError::NoContact)?;
        let Some(reached) = contact.reached else {
            tracing::info!("nobody is told: the account is gone");
            return Ok(());
        };
        let rendered = mail.render(&self.mailer.shop_name, &reached)?;
        if !self.store.begin(about, Timestamp::now()).await? {
            return Ok(());
        }
        match self.mailer.send(&reached.email, &rendered).await {
            Ok(()) => Ok(self.store.sent(about, Timestamp::now()).await?),
            Err(error @ NotificationsError::NotSent(_)) => {
                self.store.give_up(about).await?;
                Err(error)
            }
            Err(error) => Err(error),
        }
    }
}
