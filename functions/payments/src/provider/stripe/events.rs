//! What Stripe tells unasked.

use kernel::{Currency, Money, OrderId, Timestamp, UserId};
use serde::Deserialize;
use serde_json::Value;

use super::{
    Stripe,
    objects::{Intent, StripeRefund},
    signature::{Unsigned, verify},
};
use crate::{
    PaymentsError,
    domain::{Due, Fact},
};

/// News that are ours to hear, perhaps.
#[derive(Debug)]
pub(crate) enum Told {
    /// Of an order's payment.
    Payment { intent: Box<Intent>, fact: Fact },
    /// Of money going back.
    Refund(StripeRefund),
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: Value,
}

impl Stripe {
    /// What an event tells, if Stripe signed it; nothing, if nobody here asks for it.
    pub(crate) async fn told(
        &self,
        signature: &str,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Option<Told>, PaymentsError> {
        let keys = self.client.secret.keys().await?;
        let mut verified = verify(signature, body, keys.webhook_secret.expose(), now);
        if verified == Err(Unsigned::Bad)
            && let Some(newer) = self.client.secret.newer(&keys).await?
        {
            verified = verify(signature, body, newer.webhook_secret.expose(), now);
        }
        match verified {
            Ok(()) => read(body).map_err(|error| {
                tracing::error!(%error, "Stripe tells what is not understood");
                PaymentsError::MalformedEvent
            }),
            Err(Unsigned::Bad) => Err(PaymentsError::BadSignature),
            Err(Unsigned::Old) => Err(PaymentsError::OldSignature),
        }
    }
}

fn read(body: &[u8]) -> Result<Option<Told>, serde_json::Error> {
    let Event { kind, data } = serde_json::from_slice(body)?;
    let intent = |fact: &dyn Fn(&Intent) -> Fact| {
        let intent: Box<Intent> = serde_json::from_value(data.object.clone())?;
        let fact = fact(&intent);
        Ok(Some(Told::Payment { intent, fact }))
    };
    match kind.as_str() {
        "payment_intent.amount_capturable_updated" => intent(&|_| Fact::Authorized),
        "payment_intent.succeeded" => intent(&|_| Fact::Captured),
        "payment_intent.canceled" => intent(&|_| Fact::Canceled),
        "payment_intent.payment_failed" => intent(&|intent| Fact::Failed {
            reason: intent
                .last_payment_error
                .as_ref()
                .map_or_else(|| "card_declined".to_owned(), |error| error.reason()),
        }),
        // Which of them is sent depends on the version of the webhook's endpoint.
        "refund.created" | "refund.updated" | "refund.failed" | "charge.refund.updated" => {
            Ok(Some(Told::Refund(serde_json::from_value(data.object)?)))
        }
        _ => Ok(None),
    }
}

impl Intent {
    /// The order that it pays; nothing, if it is not of this shop.
    pub(crate) fn due(&self) -> Option<Due> {
        let id = |name: &str| self.metadata.get(name);
        let order_id: OrderId = id("order_id")?.parse().ok()?;
        let user_id: UserId = id("user_id")?.parse().ok()?;
        let currency: Currency = self.currency.to_uppercase().parse().ok()?;
        Some(Due { order_id, user_id, total: Money::from_minor(self.amount, currency) })
    }
}

impl StripeRefund {
    /// The order whose money it is, if it was us who asked for it.
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
        fn any_bytes_are_an_event_or_are_refused(body in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(!matches!(read(&body), Ok(Some(_))), "a payment out of nothing");
        }

        #[test]
        fn an_event_tells_what_its_type_says_or_is_refused(event in any_event()) {
            let kind = event["type"].as_str().unwrap_or_default().to_owned();
            match read(event.to_string().as_bytes()) {
                Ok(Some(Told::Payment { intent, .. })) => {
                    prop_assert!(kind.starts_with("payment_intent."));
                    if let Some(due) = intent.due() {
                        prop_assert_eq!(due.total.minor(), intent.amount);
                    }
                }
                Ok(Some(Told::Refund(refund))) => {
                    prop_assert!(kind.starts_with("refund."));
                    let _ = (refund.order(), refund.why());
                }
                Ok(None) => prop_assert_eq!(kind, "charge.succeeded"),
                Err(_) => {}
            }
        }
    }
}
