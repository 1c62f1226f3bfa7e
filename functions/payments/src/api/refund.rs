use kernel::{Currency, Invalid, OrderId, PaymentId, RefundId, Text};
use lambda::{
    http::{self, Reply, Request, Response},
    input::{Amount, Fields},
    openapi::{Object, Operation},
};
use serde_json::json;

use super::answer::{PaymentAnswer, example};
use crate::{
    Payments, PaymentsError,
    domain::{Payment, RefundStatus, Refusal, Status, payment_id},
    refunds::RefundRequest,
};

/// Why somebody did something, in their words.
type Reason = Text<1, 500>;

/// `POST /payments/refund`: gives back all or a part of what was captured.
pub async fn refund(payments: &Payments, request: &Request) -> Reply {
    let wanted = request.body(read)?;
    let claim = request.idempotency(&wanted)?;
    let cause = request.cause();
    let answer = payments.refund(&wanted, claim, request.now, &cause, |payment: &Payment, id: RefundId| {
        let location = format!("/api/v1/payments/{}", payment.id);
        let is_pending = payment.refund(id).is_some_and(|refund| refund.status == RefundStatus::Pending);
        if is_pending {
            http::accepted(location, &PaymentAnswer::from(payment))
        } else {
            http::created(location, &PaymentAnswer::from(payment))
        }
    });
    Ok(Response::from(answer.await?))
}

fn read(body: &Fields<'_>) -> Option<RefundRequest> {
    let payment = body.optional::<PaymentId>("payment_id");
    let order = body.optional::<OrderId>("order_id");
    let amount = body.optional::<Amount>("amount");
    let reason = body.optional::<Reason>("reason");
    let payment_id = match (payment?, order?) {
        (Some(payment), None) => payment,
        (None, Some(order)) => payment_id(order),
        (None, None) => return body.refuse("payment_id", Invalid::new("required", "is required, or order_id")),
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

/// How the document tells of it.
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
            .about("All that is left, if none is given.")
            .optional::<Reason>("reason")
    };
    Operation::new("POST /api/v1/payments/refund", "refundPayment", "Give captured money back, all or a part")
        .describe(
            "Parts never add up to more than was captured. A provider that does not answer is asked again until it does: the refund is \
             `pending` meanwhile.",
        )
        .body(form().required::<PaymentId>("payment_id").example(
            "a part",
            json!({
                "payment_id": "01930000-0000-74e8-b825-4ecc199c9080",
                "amount": "20.00",
                "reason": "arrived damaged",
            }),
        ))
        .body(
            form()
                .required::<OrderId>("order_id")
                .example("all of it", json!({ "order_id": "01930000-0000-7003-8000-000000000001" })),
        )
        .idempotent()
        .created::<PaymentAnswer<'_>>("The payment, with its refund.", refunded)
        .answer::<PaymentAnswer<'_>>(202, "The payment; its refund waits for the provider.", pending)
        .refuses(PaymentsError::Refused(Refusal::NotFound, None))
        .refuses(PaymentsError::Refused(Refusal::NotCaptured(Status::Pending), None))
        .refuses(PaymentsError::Refused(Refusal::TooManyRefunds, None))
        .refuses(PaymentsError::Refused(Refusal::RefundRefused(String::new()), None))
        .refuses(PaymentsError::Busy)
}
