use lambda::{
    http::{self, Reply, Request},
    openapi::{Object, Operation},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::{
    Payments, PaymentsError,
    domain::{Refusal, Status},
    provider::stripe::Stripe,
};

/// That the provider need not tell it again.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "EventReceived")]
struct Received {
    received: bool,
}

/// `POST /payments/webhook`: what Stripe tells unasked. Its signature is its authorization.
pub async fn webhook((payments, stripe): &(Payments, Stripe), request: &Request) -> Reply {
    let signature = request.header("stripe-signature").unwrap_or_default();
    if let Some(told) = stripe.told(signature, &request.bytes()?, request.now).await? {
        payments.hear(stripe, told, &request.cause()).await?;
    }
    http::ok(&Received { received: true })
}

/// How the document tells of it.
pub(super) fn operation() -> Operation {
    Operation::new("POST /api/v1/payments/webhook", "hearFromProvider", "Hear from the payment provider")
        .describe(
            "For Stripe. Taken are `payment_intent.amount_capturable_updated`, `.succeeded`, `.canceled` and `.payment_failed`, \
             `refund.created`, `.updated` and `.failed`, and `charge.refund.updated`; other events, and those of payments that are \
             not of this shop, are passed over. Told twice, late, or before Stripe has answered, an event changes nothing twice. What \
             cannot be after what is recorded is a `409`, so that Stripe shows it.",
        )
        .header(
            "Stripe-Signature",
            "`t=<seconds>,v1=<hex>`: HMAC-SHA256 over `<t>.<body>` with the webhook's secret, at most five minutes old.",
            "t=1795242631,v1=0c75c7d9b7bb3d5cbd9bb2a4f6d1ea9c4f0d92d2bb6b7d9a6a0a5bd2a6c6f6f1",
        )
        .body(
            Object::new()
                .open()
                .required_as("type", schemars::json_schema!({ "type": "string" }))
                .about("What has happened.")
                .required_as("data", schemars::json_schema!({ "type": "object" }))
                .about("In `object`, to what: a PaymentIntent or a Refund.")
                .example(
                    "money was taken",
                    json!({
                        "id": "evt_1",
                        "object": "event",
                        "type": "payment_intent.succeeded",
                        "data": { "object": {
                            "id": "pi_1",
                            "object": "payment_intent",
                            "status": "succeeded",
                            "amount": 197_890,
                            "currency": "usd",
                            "metadata": {
                                "order_id": "01930000-0000-7003-8000-000000000001",
                                "user_id": "01930000-0000-7001-8000-000000000001",
                            },
                        } },
                    }),
                ),
        )
        .ok::<Received>("It need not be told again.", json!({ "received": true }))
        .refuses(PaymentsError::BadSignature)
        .refuses(PaymentsError::OldSignature)
        .refuses(PaymentsError::MalformedEvent)
        .refuses(PaymentsError::Refused(Refusal::Contradiction(Status::Captured), None))
        .refuses(PaymentsError::Busy)
        .refuses(PaymentsError::Unavailable(String::new()))
}
