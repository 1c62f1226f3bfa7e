//! Telling: each target that is wanted is told of an event, once.

use aws_config::SdkConfig;
use contracts::{Cause, NotificationSent, NotificationStatus};
use futures::future::join_all;
use kernel::{EventId, Timestamp};
use lambda::{env, queue::Delivery};

use crate::{
    Notifications, NotificationsError, Push,
    channels::{Failure, Mailer, Telephone},
    domain::{Claim, News, Target},
    store::Slot,
    templates::{Message, Templates},
};

/// Tells customers of events.
pub struct Teller {
    pub(crate) notifications: Notifications,
    mailer: Mailer,
    telephone: Telephone,
    push: Push,
    templates: Templates,
}

/// An event that is told.
pub(crate) struct Telling<'a> {
    pub(crate) news: &'a News,
    pub(crate) event_id: EventId,
    pub(crate) cause: Cause,
    pub(crate) delivery: Delivery,
}

impl Teller {
    /// Over the environment's one configuration.
    ///
    /// # Errors
    /// When the template did not set a variable, or a template is not one.
    pub fn connect(config: &SdkConfig) -> Result<Self, lambda::Error> {
        Ok(Self {
            notifications: Notifications::connect(config)?,
            mailer: Mailer::connect(config)?,
            telephone: Telephone::connect(config),
            push: Push::connect(config)?,
            templates: Templates::new(env("SHOP_NAME")?, &env("SHOP_URL")?)?,
        })
    }

    /// Tells whoever the news is for, by all the channels that they want. What fails is tried again with the message; what was sent by then
    /// is not.
    pub(crate) async fn tell(&self, telling: Telling<'_>) -> Result<(), NotificationsError> {
        let known = self.notifications.store.contact(telling.news.user_id).await?;
        let contact = known.filter(|contact| contact.sequence > 0).ok_or(NotificationsError::NoContact)?;
        let Some(reached) = &contact.reached else {
            tracing::info!("nobody is told: the account is gone");
            return Ok(());
        };
        let message = self.templates.render(telling.news, reached.name.expose())?;
        let mut targets = contact.targets(telling.news.kind);
        targets.retain(|target| self.push.is_on() || !matches!(target, Target::Push(_)));
        let told = join_all(targets.iter().map(|target| self.tell_one(&telling, target, &message))).await;
        told.into_iter().collect()
    }

    /// Tells one target. No service can be asked whether it has sent something. So it can come twice in two cases: when the function dies
    /// after the service took it and before that was recorded, and when the service took it but its answer was lost.
    async fn tell_one(
        &self,
        telling: &Telling<'_>,
        target: &Target,
        message: &Message,
    ) -> Result<(), NotificationsError> {
        let store = &self.notifications.store;
        let slot = Slot { event_id: telling.event_id, target };
        let has_failed = match store.claim(slot, Timestamp::now()).await? {
            Claim::Granted { has_failed } => has_failed,
            Claim::Done => return Ok(()),
            Claim::Held => return Err(NotificationsError::BeingSent),
        };
        let sent = match target {
            Target::Email(address) => self.mailer.send(address, &message.mail).await,
            Target::Sms(number) => self.telephone.send(number, &message.sms).await,
            Target::Push(device) => self.push.send(&device.endpoint, &message.push).await,
        };
        let end = async |status| {
            let told = told(telling.news, slot, status);
            store.end(slot, told, has_failed, Timestamp::now(), &telling.cause).await
        };
        let channel = target.channel();
        let failure = match sent {
            Ok(()) => return Ok(end(NotificationStatus::Sent).await?),
            Err(failure) => failure,
        };
        let error = match failure {
            Failure::Refused(code) => {
                tracing::warn!(?channel, code, "a notification was refused for good");
                return Ok(end(NotificationStatus::Failed).await?);
            }
            Failure::Gone(code) => {
                tracing::info!(?channel, code, "a device is gone, and is forgotten");
                end(NotificationStatus::Failed).await?;
                return self.forget_device(telling.news, target).await;
            }
            Failure::NotTaken(code) => NotificationsError::NotSent(code),
            Failure::Unanswered => NotificationsError::Unanswered,
        };
        if telling.delivery.is_last {
            end(NotificationStatus::Failed).await?;
        } else if matches!(error, NotificationsError::NotSent(_)) {
            store.release(slot).await?;
        }
        Err(error)
    }

    async fn forget_device(&self, news: &News, target: &Target) -> Result<(), NotificationsError> {
        let Target::Push(device) = target else { return Ok(()) };
        match self.notifications.remove_device(&self.push, news.user_id, device.id).await {
            Ok(()) | Err(NotificationsError::NoDevice) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn told(news: &News, slot: Slot<'_>, status: NotificationStatus) -> NotificationSent {
    NotificationSent {
        user_id: news.user_id,
        notification_id: slot.notification_id(),
        kind: news.kind,
        order_id: news.order_id,
        channel: slot.target.channel(),
        recipient: slot.target.masked(),
        status,
    }
}
