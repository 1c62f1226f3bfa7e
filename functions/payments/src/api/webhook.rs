use lambda::{
    http::{self, ApiRequest, Reply, Request},
    openapi::{Form, Operation},
    policy::{Access, Route},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::{
    Payments, PaymentsError,
    domain::{Refusal, Status},
    provider::stripe::{Stripe, events::EventBody},
};

/// The acknowledgement of an event.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "EventReceived")]
struct Received {
    received: bool,
}

// There is no rate limit: the provider, which its signature identifies, may call as often as it likes.
pub(crate) const ROUTE: Route = Route::new("POST /api/v1/payments/webhook", Access::Anyone);

/// `POST /payments/webhook`: receives an event of Stripe, which is authorized by its signature.
pub async fn webhook((payments, stripe): &(Payments, Stripe), request: Request) -> Reply {
    let signature = request.header("stripe-signature").unwrap_or_default();
    if let Some(event) = stripe.verified_event(signature, request.bytes()?, request.now()).await? {
        payments.apply_stripe_event(stripe, event, &request.cause()).await?;
    }
    http::ok(&Received { received: true })
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    Operation::new(ROUTE, "receiveProviderEvent", "Receive an event of the payment provider")
        .describe(
            "The endpoint for webhook events of Stripe. It processes `payment_intent.amount_capturable_updated`, \
             `.succeeded`, `.canceled` and `.payment_failed`, `refund.created`, `.updated` and `.failed`, and \
             `charge.refund.updated`. Other events, and events of payments that do not belong to this shop, are \
             ignored. An event that arrives twice, late, or before Stripe's own response has its effect only once. An \
             event that contradicts the recorded payment is refused with `409`, so that Stripe shows it as failed.",
        )
        .header(
            "Stripe-Signature",
            "`t=<seconds>,v1=<hex>`: HMAC-SHA256 of `<t>.<body>` with the webhook's secret, at most five minutes old.",
            "t=1795242631,v1=0c75c7d9b7bb3d5cbd9bb2a4f6d1ea9c4f0d92d2bb6b7d9a6a0a5bd2a6c6f6f1",
        )
        .body(Form::open::<EventBody>().example(
            "payment captured",
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
        ))
        .ok::<Received>("The event was processed or ignored.", json!({ "received": true }))
        .refuses(PaymentsError::BadSignature)
        .refuses(PaymentsError::OldSignature)
        .refuses(PaymentsError::MalformedEvent)
        .refuses(PaymentsError::Refused(Refusal::Contradiction(Status::Captured), None))
        .refuses(PaymentsError::Busy)
        .refuses(PaymentsError::Unavailable(String::new()))
}
