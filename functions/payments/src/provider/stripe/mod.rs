//! Stripe: an order is a PaymentIntent with manual capture, whose amount is authorized when the intent is confirmed.
//!
//! The intent is created first and confirmed in a second call, so that it can be cancelled for good before it is
//! confirmed: this bars an authorization that is still under way. The creation names no payment method, so that all
//! callers send the same request with the same idempotency key, for which Stripe returns the existing intent.
//!
//! A response that Stripe replays for a key may be outdated. Where that matters, the intent itself is read.

mod client;
pub(crate) mod events;
pub(crate) mod objects;
mod signature;

use aws_config::SdkConfig;
use kernel::{Money, RefundId, Timestamp};
use lambda::env;

use crate::{
    PaymentsError,
    domain::{Answer, Call, Due},
};
use client::{Client, Key, Outcome};
use objects::{Intent, IntentStatus, Page, RefundStatus, StripeError, StripeRefund};

/// An account at Stripe.
pub struct Stripe {
    client: Client,
}

/// The result of finding or creating the intent of an order.
enum Found {
    Intent(String),
    /// Stripe refuses to create it.
    Refused(StripeError),
    /// Stripe failed while it created the intent, and replays that failure. Nobody knows the intent's id, so it can
    /// never be confirmed.
    Lost,
}

const SECONDS_PER_HOUR: i64 = 3_600;

impl Stripe {
    /// Connects to the account that the environment variables name.
    ///
    /// # Errors
    /// If the template did not set a variable.
    pub fn from_env(config: &SdkConfig) -> Result<Self, lambda::Error> {
        Self::connect(config, env("STRIPE_URL")?, env("PROVIDER_SECRET_ARN")?)
    }

    /// Connects to the API at `url`, with the keys in the secret.
    ///
    /// # Errors
    /// If TLS cannot be initialized.
    pub fn connect(config: &SdkConfig, url: String, secret_arn: String) -> Result<Self, lambda::Error> {
        Ok(Self { client: Client::new(config, url, secret_arn)? })
    }

    pub(super) async fn ask(&self, due: &Due, reference: Option<&str>, call: &Call) -> Result<Answer, PaymentsError> {
        let found = match reference {
            Some(reference) => Found::Intent(reference.to_owned()),
            None => self.find_or_create(due).await?,
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
                Err(PaymentsError::Unavailable("Stripe failed to create the PaymentIntent".to_owned()))
            }
        }
    }

    /// Returns the intent of an order, which it creates if necessary.
    async fn find_or_create(&self, due: &Due) -> Result<Found, PaymentsError> {
        let form = [
            ("amount", due.total.minor().to_string()),
            ("currency", due.total.currency().to_string().to_lowercase()),
            ("capture_method", "manual".to_owned()),
            ("payment_method_types[0]", "card".to_owned()),
            ("metadata[order_id]", due.order_id.to_string()),
            ("metadata[user_id]", due.user_id.to_string()),
        ];
        let response =
            self.client.post("payment_intents", &form, Key::Fixed(format!("{}-create", due.order_id))).await?;
        if response.is_lost() {
            return Ok(Found::Lost);
        }
        Ok(match response.outcome::<Intent>()? {
            Outcome::Object(intent) => Found::Intent(intent.id),
            Outcome::Error(error) => Found::Refused(error),
        })
    }

    async fn authorize(&self, due: &Due, id: &str, method: &str) -> Result<Answer, PaymentsError> {
        let (intent, refused) = self.change(due, id, "confirm", &[("payment_method", method.to_owned())]).await?;
        match intent.status {
            IntentStatus::RequiresCapture | IntentStatus::Succeeded => Ok(Answer::Approved { reference: intent.id }),
            IntentStatus::Canceled => {
                // We cancelled it after it was declined, or because its order ended.
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

    /// Cancels the intent of a declined payment. Stripe would otherwise accept another attempt, which may be under way.
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

    /// Changes an intent, and returns it with the error if Stripe refused the change. The state of the intent prevents
    /// a change from taking effect twice.
    async fn change(
        &self,
        due: &Due,
        id: &str,
        verb: &str,
        form: &[(&str, String)],
    ) -> Result<(Intent, Option<StripeError>), PaymentsError> {
        let hour = Timestamp::now().as_seconds() / SECONDS_PER_HOUR;
        let key = Key::Rotating(format!("{}-{verb}-{hour}", due.order_id));
        let response = self.client.post(&format!("payment_intents/{id}/{verb}"), form, key).await?;
        Ok(match response.outcome()? {
            Outcome::Object(intent) if !response.is_replayed => (intent, None),
            Outcome::Object(_) => (self.intent(id).await?, None),
            Outcome::Error(error) => (self.intent(id).await?, Some(error)),
        })
    }

    async fn refund(&self, due: &Due, intent: &str, id: RefundId, amount: Money) -> Result<Answer, PaymentsError> {
        // A retry may come later than 24 hours, after which Stripe may forget the idempotency key.
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
                match self.client.post("refunds", &form, Key::Fixed(id.to_string())).await?.outcome()? {
                    Outcome::Object(refund) => refund,
                    Outcome::Error(error) => {
                        return Ok(Answer::RefundRefused { reason: error.reason() });
                    }
                }
            }
        };
        match refund.status {
            RefundStatus::Succeeded | RefundStatus::Pending => Ok(Answer::Refunded),
            RefundStatus::Failed | RefundStatus::Canceled => Ok(Answer::RefundRefused { reason: refund.reason() }),
            RefundStatus::Unknown => Err(PaymentsError::Unavailable("the status of the refund is unknown".to_owned())),
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

    /// Reads an intent.
    pub(crate) async fn intent(&self, id: &str) -> Result<Intent, PaymentsError> {
        self.client.get(&format!("payment_intents/{id}"), &[]).await
    }
}

fn undecided(intent: &Intent) -> PaymentsError {
    PaymentsError::Unavailable(format!("the PaymentIntent has the status {:?}", intent.status))
}

impl StripeRefund {
    /// Returns Stripe's code for why the refund failed.
    pub(crate) fn reason(&self) -> String {
        self.failure_reason.clone().unwrap_or_else(|| "refund_failed".to_owned())
    }
}
