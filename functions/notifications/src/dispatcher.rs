//! Sends the notification of an event to each target, once.

use std::cell::LazyCell;

use aws_config::SdkConfig;
use contracts::{Cause, NotificationKind as Kind, NotificationSent};
use futures::future::join_all;
use kernel::{EventId, Timestamp};
use lambda::{env, queue::Delivery};
use tokio::sync::Mutex;

use crate::{
    Notifications, NotificationsError, Push,
    channels::{Failure, Mailer, SmsSender},
    domain::{Contact, LeaseDecision, MAX_UNANSWERED, NotificationContent, Outcome, Target},
    store::Slot,
    templates::{RenderedNotification, Templates},
};

/// Sends the notifications of one type of event, by all channels that a customer has chosen.
pub struct NotificationDispatcher {
    /// The type of event.
    pub(crate) kind: Kind,
    pub(crate) notifications: Notifications,
    mailer: Mailer,
    /// Created for the first customer with text or push messages. Most customers have neither, and SNS takes a fifth of
    /// a cold start.
    sns: LazyCell<SnsChannels, Box<dyn FnOnce() -> SnsChannels>>,
    templates: Templates,
    /// Held while an outcome is recorded: each checks the contact, and of two simultaneous transactions on an item
    /// DynamoDB rejects one.
    recording: Mutex<()>,
}

struct SnsChannels {
    sms: SmsSender,
    push: Push,
}

/// An event of which a customer is notified.
pub(crate) struct DispatchRequest<'a> {
    pub(crate) content: &'a NotificationContent,
    pub(crate) event_id: EventId,
    pub(crate) happened_at: Timestamp,
    pub(crate) cause: Cause,
    pub(crate) delivery: Delivery,
}

impl NotificationDispatcher {
    /// Creates a dispatcher with the SDK configuration of the environment.
    ///
    /// # Errors
    /// If an environment variable is missing or a template is invalid.
    pub fn connect(config: &SdkConfig, kind: Kind) -> Result<Self, lambda::Error> {
        let (sns_config, application) = (config.clone(), Push::application()?);
        let sns =
            move || SnsChannels { sms: SmsSender::connect(&sns_config), push: Push::new(&sns_config, application) };
        Ok(Self {
            kind,
            notifications: Notifications::connect(config)?,
            mailer: Mailer::connect(config)?,
            sns: LazyCell::new(Box::new(sns)),
            templates: Templates::new(env("SHOP_NAME")?, &env("SHOP_URL")?, kind)?,
            recording: Mutex::new(()),
        })
    }

    /// Sends the notification by all channels that the customer has chosen. If a channel fails, the queue delivers the
    /// message again, and what was sent before is not sent again.
    pub(crate) async fn dispatch(&self, request: DispatchRequest<'_>) -> Result<(), NotificationsError> {
        let (store, user_id) = (&self.notifications.store, request.content.user_id);
        let is_known = |contact: &Contact| contact.sequence > 0;
        // Events arrive about a second late. An eventually consistent read, at half the price, finds contacts that are
        // older than that, but may miss one that was just replicated.
        let contact = match store.contact_eventually_consistent(user_id).await?.filter(is_known) {
            Some(contact) => contact,
            None => store.contact(user_id).await?.filter(is_known).ok_or(NotificationsError::UnknownUser)?,
        };
        let Some(details) = &contact.details else {
            tracing::info!("no notification was sent: the account was deleted");
            return Ok(());
        };
        let rendered = self.templates.render(request.content, details.name.expose())?;
        let mut targets = contact.targets(request.content.kind);
        // A device is not notified of events from before its registration.
        targets.retain(|target| match target {
            Target::Push(device) => self.sns.push.is_enabled() && device.created_at <= request.happened_at,
            Target::Email(_) | Target::Sms(_) => true,
        });
        let slot = |target| Slot { event_id: request.event_id, target, revision: contact.revision };
        let delivered = join_all(targets.iter().map(|target| self.deliver(&request, slot(target), &rendered))).await;
        delivered.into_iter().collect()
    }

    /// Sends the notification to one target.
    ///
    /// The services cannot be asked whether they have sent a message, so a message can be sent again in two cases: if
    /// the function dies after the service accepted it and before that is recorded, and if the service accepted it but
    /// the response was lost. After three such attempts no further one is made, so a target receives a message at most
    /// three times.
    async fn deliver(
        &self,
        request: &DispatchRequest<'_>,
        slot: Slot<'_>,
        rendered: &RenderedNotification,
    ) -> Result<(), NotificationsError> {
        let store = &self.notifications.store;
        let record = async |lease, outcome| {
            let notification = notification_sent(request.content, slot, outcome);
            let _guard = self.recording.lock().await;
            store.record_outcome(slot, lease, outcome, notification, Timestamp::now(), &request.cause).await
        };
        let channel = slot.target.channel();
        let log_too_many_attempts = || {
            tracing::warn!(?channel, attempts = MAX_UNANSWERED, "a notification failed: the service did not respond");
        };
        let lease = match store.acquire_lease(slot, Timestamp::now()).await? {
            LeaseDecision::Granted(lease) => lease,
            LeaseDecision::TooManyAttempts(lease) => {
                log_too_many_attempts();
                return Ok(record(lease, Outcome::Unanswered).await?);
            }
            LeaseDecision::Done => return Ok(()),
            LeaseDecision::Held => return Err(NotificationsError::LeaseHeld),
        };
        let sent = match slot.target {
            Target::Email(address) => self.mailer.send(address, &rendered.mail).await,
            Target::Sms(number) => self.sns.sms.send(number, &rendered.sms).await,
            Target::Push(device) => self.sns.push.send(&device.endpoint, &rendered.push).await,
        };
        let is_last = request.delivery.is_last;
        match sent {
            Ok(()) => Ok(record(lease, Outcome::Sent).await?),
            Err(Failure::Rejected(code)) => {
                tracing::warn!(?channel, code, "a notification was permanently rejected");
                Ok(record(lease, Outcome::Rejected).await?)
            }
            Err(Failure::DeviceGone(code)) => {
                tracing::info!(?channel, code, "a device no longer exists and is removed");
                record(lease, Outcome::Rejected).await?;
                self.remove_device(request.content, slot.target).await
            }
            Err(Failure::NotAccepted(code)) => {
                if is_last {
                    record(lease, Outcome::NotAccepted).await?;
                } else {
                    store.release_lease(slot, lease).await?;
                }
                Err(NotificationsError::NotAccepted(code))
            }
            Err(Failure::Unanswered) if lease.unanswered_after(Outcome::Unanswered) >= MAX_UNANSWERED => {
                log_too_many_attempts();
                Ok(record(lease, Outcome::Unanswered).await?)
            }
            Err(Failure::Unanswered) => {
                if is_last {
                    record(lease, Outcome::Unanswered).await?;
                }
                Err(NotificationsError::Unanswered)
            }
        }
    }

    async fn remove_device(&self, content: &NotificationContent, target: &Target) -> Result<(), NotificationsError> {
        let Target::Push(device) = target else { return Ok(()) };
        self.notifications.unregister_device(&self.sns.push, content.user_id, device).await
    }
}

fn notification_sent(content: &NotificationContent, slot: Slot<'_>, outcome: Outcome) -> NotificationSent {
    NotificationSent {
        user_id: content.user_id,
        notification_id: slot.notification_id(),
        kind: content.kind,
        order_id: content.order_id,
        channel: slot.target.channel(),
        recipient: slot.target.masked(),
        status: outcome.status(),
    }
}
