//! Telling: each target that is wanted is told of an event, once.

use std::cell::LazyCell;

use aws_config::SdkConfig;
use contracts::{Cause, NotificationKind as Kind, NotificationSent};
use futures::future::join_all;
use kernel::{EventId, Timestamp};
use lambda::{env, queue::Delivery};
use tokio::sync::Mutex;

use crate::{
    Notifications, NotificationsError, Push,
    channels::{Failure, Mailer, Telephone},
    domain::{Claim, Contact, MOST_UNANSWERED, News, Outcome, Target},
    store::Slot,
    templates::{Message, Templates},
};

/// Tells customers of events of one type.
pub struct Teller {
    pub(crate) notifications: Notifications,
    mailer: Mailer,
    /// Made for the first customer who wants text or push messages: most want neither, and SNS takes a fifth of a start.
    by_sns: LazyCell<BySns, Box<dyn FnOnce() -> BySns>>,
    templates: Templates,
    /// Ends are written one after another: each checks the contact, and DynamoDB refuses of two transactions on an item the second.
    ending: Mutex<()>,
}

struct BySns {
    telephone: Telephone,
    push: Push,
}

/// An event that is told.
pub(crate) struct Telling<'a> {
    pub(crate) news: &'a News,
    pub(crate) event_id: EventId,
    pub(crate) happened_at: Timestamp,
    pub(crate) cause: Cause,
    pub(crate) delivery: Delivery,
}

impl Teller {
    /// Over the environment's one configuration.
    ///
    /// # Errors
    /// When the template did not set a variable, or a template is not one.
    pub fn connect(config: &SdkConfig, kind: Kind) -> Result<Self, lambda::Error> {
        let (by_sns, application) = (config.clone(), Push::application()?);
        let by_sns = move || BySns { telephone: Telephone::connect(&by_sns), push: Push::new(&by_sns, application) };
        Ok(Self {
            notifications: Notifications::connect(config)?,
            mailer: Mailer::connect(config)?,
            by_sns: LazyCell::new(Box::new(by_sns)),
            templates: Templates::new(env("SHOP_NAME")?, &env("SHOP_URL")?, kind)?,
            ending: Mutex::new(()),
        })
    }

    /// Tells whoever the news is for, by all the channels that they want. What fails is tried again with the message; what was sent by then
    /// is not.
    pub(crate) async fn tell(&self, telling: Telling<'_>) -> Result<(), NotificationsError> {
        let (store, user_id) = (&self.notifications.store, telling.news.user_id);
        let is_known = |contact: &Contact| contact.sequence > 0;
        // News has waited for a second: what is older than that is read at half the price. What was heard just now may be missing there.
        let contact = match store.contact_of_late(user_id).await?.filter(is_known) {
            Some(contact) => contact,
            None => store.contact(user_id).await?.filter(is_known).ok_or(NotificationsError::NoContact)?,
        };
        let Some(reached) = &contact.reached else {
            tracing::info!("nobody is told: the account is gone");
            return Ok(());
        };
        let message = self.templates.render(telling.news, reached.name.expose())?;
        let mut targets = contact.targets(telling.news.kind);
        // What a device was registered after is no news to it.
        targets.retain(|target| match target {
            Target::Push(device) => self.by_sns.push.is_on() && device.created_at <= telling.happened_at,
            Target::Email(_) | Target::Sms(_) => true,
        });
        let slot = |target| Slot { event_id: telling.event_id, target, revision: contact.revision };
        let told = join_all(targets.iter().map(|target| self.tell_one(&telling, slot(target), &message))).await;
        told.into_iter().collect()
    }

    /// Tells one target. No service can be asked whether it has sent something. So it can come again in two cases: when the function dies
    /// after the service took it and before that was recorded, and when the service took it but its answer was lost. After three such
    /// tries it is given up: it is told at most three times.
    async fn tell_one(
        &self,
        telling: &Telling<'_>,
        slot: Slot<'_>,
        message: &Message,
    ) -> Result<(), NotificationsError> {
        let store = &self.notifications.store;
        let end = async |grant, outcome| {
            let told = told(telling.news, slot, outcome);
            let _alone = self.ending.lock().await;
            store.end(slot, grant, outcome, told, Timestamp::now(), &telling.cause).await
        };
        let channel = slot.target.channel();
        let given_up = || tracing::warn!(?channel, tries = MOST_UNANSWERED, "a notification was given up: no answer");
        let grant = match store.claim(slot, Timestamp::now()).await? {
            Claim::Granted(grant) => grant,
            Claim::TooOften(grant) => {
                given_up();
                return Ok(end(grant, Outcome::Unanswered).await?);
            }
            Claim::Done => return Ok(()),
            Claim::Held => return Err(NotificationsError::BeingSent),
        };
        let sent = match slot.target {
            Target::Email(address) => self.mailer.send(address, &message.mail).await,
            Target::Sms(number) => self.by_sns.telephone.send(number, &message.sms).await,
            Target::Push(device) => self.by_sns.push.send(&device.endpoint, &message.push).await,
        };
        let is_last = telling.delivery.is_last;
        match sent {
            Ok(()) => Ok(end(grant, Outcome::Sent).await?),
            Err(Failure::Refused(code)) => {
                tracing::warn!(?channel, code, "a notification was refused for good");
                Ok(end(grant, Outcome::Refused).await?)
            }
            Err(Failure::Gone(code)) => {
                tracing::info!(?channel, code, "a device is gone, and is forgotten");
                end(grant, Outcome::Refused).await?;
                self.forget_device(telling.news, slot.target).await
            }
            Err(Failure::NotTaken(code)) => {
                if is_last {
                    end(grant, Outcome::NotTaken).await?;
                } else {
                    store.release(slot, grant).await?;
                }
                Err(NotificationsError::NotSent(code))
            }
            Err(Failure::Unanswered) if grant.unanswered_after(Outcome::Unanswered) >= MOST_UNANSWERED => {
                given_up();
                Ok(end(grant, Outcome::Unanswered).await?)
            }
            Err(Failure::Unanswered) => {
                if is_last {
                    end(grant, Outcome::Unanswered).await?;
                }
                Err(NotificationsError::Unanswered)
            }
        }
    }

    async fn forget_device(&self, news: &News, target: &Target) -> Result<(), NotificationsError> {
        let Target::Push(device) = target else { return Ok(()) };
        self.notifications.drop_device(&self.by_sns.push, news.user_id, device).await
    }
}

fn told(news: &News, slot: Slot<'_>, outcome: Outcome) -> NotificationSent {
    NotificationSent {
        user_id: news.user_id,
        notification_id: slot.notification_id(),
        kind: news.kind,
        order_id: news.order_id,
        channel: slot.target.channel(),
        recipient: slot.target.masked(),
        status: outcome.status(),
    }
}
