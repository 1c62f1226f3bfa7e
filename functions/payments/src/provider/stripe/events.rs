//! Stripe's webhook events.

use kernel::{Currency, Money, OrderId, Timestamp, UserId};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{
    Stripe,
    objects::{Intent, StripeRefund},
    signature::{SignatureError, verify},
};
use crate::{
    PaymentsError,
    domain::{Due, ProviderEvent},
};

/// An event that may concern a payment of this shop.
#[derive(Debug)]
pub(crate) enum StripeEvent {
    /// A change of a PaymentIntent.
    Payment { intent: Box<Intent>, event: ProviderEvent },
    /// A change of a refund.
    Refund(StripeRefund),
}

/// The body of a webhook request.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct EventBody {
    /// The type of the event.
    #[serde(rename = "type")]
    kind: String,
    data: Data,
}

#[derive(Deserialize, JsonSchema)]
struct Data {
    /// The PaymentIntent or the Refund.
    object: Value,
}

impl Stripe {
    /// Verifies the signature of a webhook request, and returns its event, or `None` if events of its type are not used
    /// here.
    ///
    /// # Errors
    /// If the signature is not valid, the body cannot be parsed, or the webhook's secret cannot be read.
    pub(crate) async fn verified_event(
        &self,
        signature: &str,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Option<StripeEvent>, PaymentsError> {
        let keys = self.client.secret.keys().await?;
        let mut verified = verify(signature, body, keys.webhook_secret.expose(), now);
        if verified == Err(SignatureError::Invalid)
            && let Some(newer) = self.client.secret.newer(&keys).await?
        {
            verified = verify(signature, body, newer.webhook_secret.expose(), now);
        }
        match verified {
            Ok(()) => read(body).map_err(|error| {
                tracing::error!(%error, "Stripe's event could not be parsed");
                PaymentsError::MalformedEvent
            }),
            Err(SignatureError::Invalid) => Err(PaymentsError::BadSignature),
            Err(SignatureError::OutsideTolerance) => Err(PaymentsError::OldSignature),
        }
    }
}

fn read(body: &[u8]) -> Result<Option<StripeEvent>, serde_json::Error> {
    let EventBody { kind, data } = serde_json::from_slice(body)?;
    let payment = |event_of: &dyn Fn(&Intent) -> ProviderEvent| {
        let intent: Box<Intent> = serde_json::from_value(data.object.clone())?;
        let event = event_of(&intent);
        Ok(Some(StripeEvent::Payment { intent, event }))
    };
    match kind.as_str() {
        "payment_intent.amount_capturable_updated" => payment(&|_| ProviderEvent::Authorized),
        "payment_intent.succeeded" => payment(&|_| ProviderEvent::Captured),
        "payment_intent.canceled" => payment(&|_| ProviderEvent::Canceled),
        "payment_intent.payment_failed" => payment(&|intent| ProviderEvent::Failed {
            reason: intent
                .last_payment_error
                .as_ref()
                .map_or_else(|| "card_declined".to_owned(), |error| error.reason()),
        }),
        // The API version of the webhook endpoint decides which of these Stripe sends.
        "refund.created" | "refund.updated" | "refund.failed" | "charge.refund.updated" => {
            Ok(Some(StripeEvent::Refund(serde_json::from_value(data.object)?)))
        }
        _ => Ok(None),
    }
}

impl Intent {
    /// Returns the order that it pays, or `None` if it does not belong to this shop.
    pub(crate) fn due(&self) -> Option<Due> {
        let id = |name: &str| self.metadata.get(name);
        let order_id: OrderId = id("order_id")?.parse().ok()?;
        let user_id: UserId = id("user_id")?.parse().ok()?;
        let currency: Currency = self.currency.to_uppercase().parse().ok()?;
        Some(Due { order_id, user_id, total: Money::from_minor(self.amount, currency) })
    }
}

impl StripeRefund {
    /// Returns the order, if the refund was requested by this shop.
    pub(crate) fn order(&self) -> Option<(UserId, OrderId)> {
        let id = |name: &str| self.metadata.get(name);
        Some((id("user_id")?.parse().ok()?, id("order_id")?.parse().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn any_value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,20}".prop_map(Value::from),
            prop::sample::select(vec!["usd", "succeeded", "failed", "0193f0a0-0000-7000-8000-000000000001"])
                .prop_map(Value::from),
            Just(json!({ "order_id": "0193f0a0-0000-7000-8000-000000000001", "user_id": "x" })),
        ]
    }

    fn any_event() -> impl Strategy<Value = Value> {
        const NAMES: [&str; 9] = [
            "id",
            "amount",
            "currency",
            "status",
            "metadata",
            "payment_method",
            "amount_received",
            "last_payment_error",
            "payment_intent",
        ];
        let object = prop::collection::btree_map(prop::sample::select(&NAMES[..]), any_value(), 0..9);
        const KINDS: [&str; 5] = [
            "payment_intent.succeeded",
            "payment_intent.canceled",
            "payment_intent.payment_failed",
            "refund.updated",
            "charge.succeeded",
        ];
        (prop::sample::select(&KINDS[..]), object)
            .prop_map(|(kind, object)| json!({ "type": kind, "data": { "object": object } }))
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_no_event(body in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(!matches!(read(&body), Ok(Some(_))), "arbitrary bytes were parsed as an event");
        }

        #[test]
        fn an_event_matches_its_type_or_is_refused(event in any_event()) {
            let kind = event["type"].as_str().unwrap_or_default().to_owned();
            match read(event.to_string().as_bytes()) {
                Ok(Some(StripeEvent::Payment { intent, .. })) => {
                    prop_assert!(kind.starts_with("payment_intent."));
                    if let Some(due) = intent.due() {
                        prop_assert_eq!(due.total.minor(), intent.amount);
                    }
                }
                Ok(Some(StripeEvent::Refund(refund))) => {
                    prop_assert!(kind.starts_with("refund."));
                    let _ = (refund.order(), refund.reason());
                }
                Ok(None) => prop_assert_eq!(kind, "charge.succeeded"),
                Err(_) => {}
            }
        }
    }
}
