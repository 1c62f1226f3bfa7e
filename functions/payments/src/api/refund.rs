use deserr::Deserr;
use kernel::{Invalid, OrderId, PaymentId, RefundId, Text};
use lambda::{
    http::{self, ApiRequest, Reply, Request, Response},
    input::{Amount, InvalidFields, Rules},
    openapi::{Form, Operation},
    policy::{Access, Limit, Route},
    problem::Problem,
};
use schemars::JsonSchema;
use serde_json::json;

use super::response::{PaymentResponse, example};
use crate::{
    Payments, PaymentsError,
    domain::{self, Payment, RefundStatus, Refusal, Status},
    refunds::RefundRequest,
};

#[derive(Deserr, JsonSchema)]
#[deserr(error = InvalidFields, deny_unknown_fields)]
struct Refund {
    #[deserr(default)]
    payment_id: Option<PaymentId>,
    #[deserr(default)]
    order_id: Option<OrderId>,
    /// The amount to refund. By default, all that is left.
    #[deserr(default)]
    amount: Option<Amount>,
    /// The reason, in the caller's words.
    #[deserr(default)]
    reason: Option<Text<1, 500>>,
}

pub(crate) const ROUTE: Route = Route::new("POST /api/v1/payments/refund", Access::Admin).limited(Limit::Writes);

/// `POST /payments/refund`: refunds a captured payment, in full or in part.
pub async fn refund(payments: &Payments, request: Request) -> Reply {
    let wanted = request.json_with::<Refund>(one_payment)?.wanted()?;
    let key = request.idempotency_key(&wanted)?;
    let cause = request.cause();
    let response = payments.refund(&wanted, key, request.now(), &cause, |payment: &Payment, id: RefundId| {
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

impl Refund {
    fn wanted(self) -> Result<RefundRequest, Problem> {
        let Self { payment_id, order_id, amount, reason } = self;
        let payment_id = payment_id.or(order_id.map(domain::payment_id));
        let payment_id = payment_id.ok_or_else(|| Problem::invalid("payment_id", unless_order()))?;
        if amount.is_some_and(|amount| amount.minor() == 0) {
            return Err(Problem::invalid("amount", Invalid::new("too_little", "must be at least 0.01")));
        }
        Ok(RefundRequest { payment_id, amount, reason: reason.map(|reason| reason.to_string()) })
    }
}

/// Requires either the payment or its order.
fn one_payment(body: &mut Rules) {
    match (body.has("payment_id"), body.has("order_id")) {
        (false, false) => body.refuse("payment_id", unless_order()),
        (true, true) => body.refuse("order_id", Invalid::new("one_of", "must not be given together with payment_id")),
        _ => {}
    }
}

fn unless_order() -> Invalid {
    Invalid::new("required", "is required unless order_id is given")
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
    Operation::new(ROUTE, "refundPayment", "Refund a captured payment, in full or in part")
        .describe(
            "The refunds of a payment never exceed the captured amount. If the payment provider does not respond, the \
             refund is `pending`, and is retried until the provider does.",
        )
        .body(Form::of::<Refund>().without(&["order_id"]).requiring(&["payment_id"]).example(
            "partial refund",
            json!({
                "payment_id": "01930000-0000-74e8-b825-4ecc199c9080",
                "amount": "20.00",
                "reason": "arrived damaged",
            }),
        ))
        .body(
            Form::of::<Refund>()
                .without(&["payment_id"])
                .requiring(&["order_id"])
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
