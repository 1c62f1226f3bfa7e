use kernel::{Currency, Invalid, OrderId, PaymentId, RefundId, Text};
use lambda::{
    http::{self, Reply, Request, Response},
    input::{Amount, Fields},
    openapi::{Object, Operation},
    policy::{Access, Limit, Route},
};
use serde_json::json;

use super::response::{PaymentResponse, example};
use crate::{
    Payments, PaymentsError,
    domain::{Payment, RefundStatus, Refusal, Status, payment_id},
    refunds::RefundRequest,
};

/// The reason for a refund, in the caller's words.
type Reason = Text<1, 500>;

pub(crate) const ROUTE: Route = Route::new("POST /api/v1/payments/refund", Access::Admin).limited(Limit::Writes);

/// `POST /payments/refund`: refunds a captured payment, in full or in part.
pub async fn refund(payments: &Payments, request: &Request) -> Reply {
    let wanted = request.body(read)?;
    let key = request.idempotency_key(&wanted)?;
    let cause = request.cause();
    let response = payments.refund(&wanted, key, request.now, &cause, |payment: &Payment, id: RefundId| {
        let location = format!("/api/v1/payments/{}", payment.id);
        let is_pending = payment.refund(id).is_some_and(|refund| refund.status == RefundStatus::Pending);
        if is_pending {
            http::accepted(location, &PaymentResponse::from(payment))
        } else {
            http::created(location, &PaymentResponse::from(payment))
        }
    });
    Ok(Response::from(response.await?))
}

fn read(body: &Fields<'_>) -> Option<RefundRequest> {
    let payment = body.optional::<PaymentId>("payment_id");
    let order = body.optional::<OrderId>("order_id");
    let amount = body.optional::<Amount>("amount");
    let reason = body.optional::<Reason>("reason");
    let payment_id = match (payment?, order?) {
        (Some(payment), None) => payment,
        (None, Some(order)) => payment_id(order),
        (None, None) => {
            return body.refuse("payment_id", Invalid::new("required", "is required unless order_id is given"));
        }
        (Some(_), Some(_)) => {
            return body.refuse("order_id", Invalid::new("one_of", "must not be given together with payment_id"));
        }
    };
    if let Some(amount) = amount?
        && amount.of(Currency::Usd).minor() == 0
    {
        return body.refuse("amount", Invalid::new("too_little", "must be at least 0.01"));
    }
    Some(RefundRequest { payment_id, amount: amount?, reason: reason?.map(|reason| reason.to_string()) })
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    let mut refunded = example("partly_refunded");
    refunded["refunded_amount"] = json!("20.00");
    refunded["refunds"] = json!([{
        "id": "01930000-0000-7008-8000-000000000001",
        "status": "succeeded",
        "amount": "20.00",
        "reason": "arrived damaged",
        "created_at": "2026-11-21T07:30:32.000Z",
    }]);
    let mut pending = refunded.clone();
    pending["status"] = json!("captured");
    pending["refunded_amount"] = json!("0.00");
    pending["refunds"][0]["status"] = json!("pending");
    let form = || {
        Object::new()
            .optional::<Amount>("amount")
            .description("The amount to refund. By default, all that is left.")
            .optional::<Reason>("reason")
    };
    Operation::new(ROUTE, "refundPayment", "Refund a captured payment, in full or in part")
        .describe(
            "The refunds of a payment never exceed the captured amount. If the payment provider does not respond, the \
             refund is `pending`, and is retried until the provider does.",
        )
        .body(form().required::<PaymentId>("payment_id").example(
            "partial refund",
            json!({
                "payment_id": "01930000-0000-74e8-b825-4ecc199c9080",
                "amount": "20.00",
                "reason": "arrived damaged",
            }),
        ))
        .body(
            form()
                .required::<OrderId>("order_id")
                .example("full refund", json!({ "order_id": "01930000-0000-7003-8000-000000000001" })),
        )
        .idempotent()
        .created::<PaymentResponse<'_>>("The payment with the refund.", refunded)
        .response::<PaymentResponse<'_>>(202, "The payment with the refund, which is pending.", pending)
        .refuses(PaymentsError::Refused(Refusal::NotFound, None))
        .refuses(PaymentsError::Refused(Refusal::NotCaptured(Status::Pending), None))
        .refuses(PaymentsError::Refused(Refusal::TooManyRefunds, None))
        .refuses(PaymentsError::Refused(Refusal::RefundRefused("charge_disputed".to_owned()), None))
        .refuses(PaymentsError::Busy)
}
