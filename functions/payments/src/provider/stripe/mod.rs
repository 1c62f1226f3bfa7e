//! Stripe: an order is a PaymentIntent, whose money is set aside when it is confirmed, and captured by hand.
//!
//! The intent is made first and confirmed in a second call, so that it can be cancelled for good before it was ever confirmed: that
//! is what bars an authorization which is still on its way. Making it names no means of payment: asked with the same words under
//! the same key, Stripe finds the intent that there is, whoever asks.
//!
//! An answer that Stripe replays for a key is what was true once. Where that matters, the intent itself is looked at.

mod client;
pub(crate) mod events;
pub(crate) mod objects;
mod signature;

use aws_config::SdkConfig;
use kernel::{Money, RefundId, Timestamp};
use lambda::env;

use super::{Answer, Call};
use crate::{PaymentsError, domain::Due};
use client::{Client, Key, Said};
use objects::{Intent, IntentStatus, Page, RefundStatus, StripeError, StripeRefund};

/// An account at Stripe.
pub struct Stripe {
    client: Client,
}

/// What there is of an order's intent.
enum Found {
    Intent(String),
    /// Stripe will not make one.
    Refused(StripeError),
    /// Stripe failed while it made one, and tells nobody of it: that one can never be confirmed.
    Lost,
}

const SECONDS_OF_AN_HOUR: i64 = 3_600;

impl Stripe {
    /// The one that the environment names.
    ///
    /// # Errors
    /// When the template did not set a variable.
    pub fn from_env(config: &SdkConfig) -> Result<Self, lambda::Error> {
        Self::connect(config, env("STRIPE_URL")?, env("PROVIDER_SECRET_ARN")?)
    }

    /// At `url`, with the secret of that name.
    ///
    /// # Errors
    /// When there is no way to speak TLS.
    pub fn connect(config: &SdkConfig, url: String, secret_arn: String) -> Result<Self, lambda::Error> {
        Ok(Self { client: Client::new(config, url, secret_arn)? })
    }

    pub(super) async fn ask(&self, due: &Due, reference: Option<&str>, call: &Call) -> Result<Answer, PaymentsError> {
        let found = match reference {
            Some(reference) => Found::Intent(reference.to_owned()),
            None => self.find_or_make(due).await?,
        };
        match (found, call) {
            (Found::Intent(id), Call::Authorize { method }) => self.authorize(due, &id, method).await,
            (Found::Intent(id), Call::Capture) => self.capture(due, &id).await,
            (Found::Intent(id), Call::Void) => self.void(due, &id).await,
            (Found::Intent(id), Call::Refund { id: refund, amount }) => self.refund(due, &id, *refund, *amount).await,
            (Found::Lost | Found::Refused(_), Call::Void) => Ok(Answer::Voided),
            (Found::Refused(error), Call::Authorize { .. }) => Ok(Answer::Declined { reason: error.reason() }),
            (Found::Refused(error), Call::Capture) => Ok(Answer::CaptureRefused { reason: error.reason() }),
            (Found::Refused(error), Call::Refund { .. }) => Ok(Answer::RefundRefused { reason: error.reason() }),
            (Found::Lost, Call::Authorize { .. } | Call::Capture | Call::Refund { .. }) => {
                Err(PaymentsError::Unavailable("it failed to make the payment".to_owned()))
            }
        }
    }

    /// The order's intent.
    async fn find_or_make(&self, due: &Due) -> Result<Found, PaymentsError> {
        let form = [
            ("amount", due.total.minor().to_string()),
            ("currency", due.total.currency().to_string().to_lowercase()),
            ("capture_method", "manual".to_owned()),
            ("payment_method_types[0]", "card".to_owned()),
            ("metadata[order_id]", due.order_id.to_string()),
            ("metadata[user_id]", due.user_id.to_string()),
        ];
        let reply = self.client.post("payment_intents", &form, Key::Only(format!("{}-create", due.order_id))).await?;
        if reply.is_lost() {
            return Ok(Found::Lost);
        }
        Ok(match reply.said::<Intent>()? {
            Said::Is(intent) => Found::Intent(intent.id),
            Said::Refuses(error) => Found::Refused(error),
        })
    }

    async fn authorize(&self, due: &Due, id: &str, method: &str) -> Result<Answer, PaymentsError> {
        let (intent, refused) = self.change(due, id, "confirm", &[("payment_method", method.to_owned())]).await?;
        match intent.status {
            IntentStatus::RequiresCapture | IntentStatus::Succeeded => Ok(Answer::Approved { reference: intent.id }),
            IntentStatus::Canceled => {
                // By us, after it was declined, or because its order ended.
                let declined = refused.filter(StripeError::is_decline).or(intent.last_payment_error);
                let reason = declined.map_or_else(|| "payment_canceled".to_owned(), |error| error.reason());
                Ok(Answer::Declined { reason })
            }
            IntentStatus::RequiresAction => self.decline(due, id, "authentication_required".to_owned()).await,
            IntentStatus::RequiresPaymentMethod | IntentStatus::RequiresConfirmation => {
                let reason = match refused {
                    Some(error) if error.is_missing() => "unknown_payment_method".to_owned(),
                    Some(error) => error.reason(),
                    None => "card_declined".to_owned(),
                };
                self.decline(due, id, reason).await
            }
            IntentStatus::Processing | IntentStatus::Unknown => Err(undecided(&intent)),
        }
    }

    /// Stripe would let a declined payment be tried again, and somebody else who asks for it may be on the way.
    async fn decline(&self, due: &Due, id: &str, reason: String) -> Result<Answer, PaymentsError> {
        let (intent, _) = self.change(due, id, "cancel", &[]).await?;
        match intent.status {
            IntentStatus::Canceled => Ok(Answer::Declined { reason }),
            _ => Err(undecided(&intent)),
        }
    }

    async fn capture(&self, due: &Due, id: &str) -> Result<Answer, PaymentsError> {
        let (intent, refused) = self.change(due, id, "capture", &[]).await?;
        match (intent.status, refused) {
            (IntentStatus::Succeeded, _) => Ok(Answer::Captured),
            (_, Some(error)) => Ok(Answer::CaptureRefused { reason: error.reason() }),
            (IntentStatus::Canceled, None) => Ok(Answer::CaptureRefused { reason: "payment_canceled".to_owned() }),
            (_, None) => Err(undecided(&intent)),
        }
    }

    async fn void(&self, due: &Due, id: &str) -> Result<Answer, PaymentsError> {
        let (intent, _) = self.change(due, id, "cancel", &[]).await?;
        match intent.status {
            IntentStatus::Canceled => Ok(Answer::Voided),
            IntentStatus::Succeeded => Ok(Answer::WasCaptured),
            _ => Err(undecided(&intent)),
        }
    }

    /// Has an intent changed; it as it is then, and why it was not changed. Its state lets each change happen once.
    async fn change(
        &self,
        due: &Due,
        id: &str,
        verb: &str,
        form: &[(&str, String)],
    ) -> Result<(Intent, Option<StripeError>), PaymentsError> {
        let hour = Timestamp::now().as_seconds() / SECONDS_OF_AN_HOUR;
        let key = Key::Guarded(format!("{}-{verb}-{hour}", due.order_id));
        let reply = self.client.post(&format!("payment_intents/{id}/{verb}"), form, key).await?;
        Ok(match reply.said()? {
            Said::Is(intent) if !reply.is_replayed => (intent, None),
            Said::Is(_) => (self.intent(id).await?, None),
            Said::Refuses(error) => (self.intent(id).await?, Some(error)),
        })
    }

    async fn refund(&self, due: &Due, intent: &str, id: RefundId, amount: Money) -> Result<Answer, PaymentsError> {
        // Stripe forgets keys after a day; whoever asks again may come later.
        let refund = match self.find_refund(intent, id).await? {
            Some(refund) => refund,
            None => {
                let form = [
                    ("payment_intent", intent.to_owned()),
                    ("amount", amount.minor().to_string()),
                    ("metadata[refund_id]", id.to_string()),
                    ("metadata[order_id]", due.order_id.to_string()),
                    ("metadata[user_id]", due.user_id.to_string()),
                ];
                match self.client.post("refunds", &form, Key::Only(id.to_string())).await?.said()? {
                    Said::Is(refund) => refund,
                    Said::Refuses(error) => {
                        return Ok(Answer::RefundRefused { reason: error.reason() });
                    }
                }
            }
        };
        match refund.status {
            RefundStatus::Succeeded | RefundStatus::Pending => Ok(Answer::Refunded),
            RefundStatus::Failed | RefundStatus::Canceled => Ok(Answer::RefundRefused { reason: refund.why() }),
            RefundStatus::Unknown => {
                Err(PaymentsError::Unavailable("the refund is neither done nor refused".to_owned()))
            }
        }
    }

    async fn find_refund(&self, intent: &str, id: RefundId) -> Result<Option<StripeRefund>, PaymentsError> {
        let id = id.to_string();
        let mut query = vec![("payment_intent", intent.to_owned()), ("limit", "100".to_owned())];
        loop {
            let page: Page<StripeRefund> = self.client.get("refunds", &query).await?;
            let last = page.data.last().map(|refund| refund.id.clone()).filter(|_| page.has_more);
            if let Some(found) = page.data.into_iter().find(|refund| refund.metadata.get("refund_id") == Some(&id)) {
                return Ok(Some(found));
            }
            let Some(last) = last else { return Ok(None) };
            query.truncate(2);
            query.push(("starting_after", last));
        }
    }

    /// The intent as it is now.
    pub(crate) async fn intent(&self, id: &str) -> Result<Intent, PaymentsError> {
        self.client.get(&format!("payment_intents/{id}"), &[]).await
    }
}

fn undecided(intent: &Intent) -> PaymentsError {
    PaymentsError::Unavailable(format!("the payment is {:?}", intent.status))
}

impl StripeRefund {
    /// Stripe's word for why it could not go.
    pub(crate) fn why(&self) -> String {
        self.failure_reason.clone().unwrap_or_else(|| "refund_failed".to_owned())
    }
}
