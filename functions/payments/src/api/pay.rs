use std::str::FromStr;

use deserr::Deserr;
use kernel::{Invalid, OrderId};
use lambda::{
    field_schema,
    http::{self, ApiRequest, Reply, Request, Response},
    input::{Amount, InvalidFields},
    openapi::{Form, Operation},
    policy::{Access, Limit, Route},
    text_fields,
};
use schemars::JsonSchema;
use serde_json::json;

use super::{
    problem::unknown_method,
    response::{PaymentResponse, example},
};
use crate::{Payments, PaymentsError, domain::Refusal, requests::PaymentRequest};

/// The provider's token of a payment method, which is never a card number.
struct PaymentMethod(String);

impl FromStr for PaymentMethod {
    type Err = Invalid;

    fn from_str(token: &str) -> Result<Self, Invalid> {
        let is_token = token.len() <= 64
            && token.starts_with("pm_")
            && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        is_token.then(|| Self(token.to_owned())).ok_or_else(|| unknown_method(&[]))
    }
}
text_fields!(PaymentMethod);
field_schema!(PaymentMethod, { "type": "string", "maxLength": 64, "pattern": "^pm_[A-Za-z0-9_]*$" });

#[derive(Deserr, JsonSchema)]
#[deserr(error = InvalidFields, deny_unknown_fields)]
struct Pay {
    order_id: OrderId,
    /// The order's total.
    amount: Amount,
    /// The payment provider's token of the payment method.
    method: PaymentMethod,
}

pub(crate) const ROUTE: Route = Route::new("POST /api/v1/payments", Access::Customer).limited(Limit::Writes);

/// `POST /payments`: starts the payment of an order that was placed without one, as `POST /orders/{order_id}/payment`
/// does. The response does not wait for the payment.
pub async fn pay(payments: &Payments, request: Request) -> Reply {
    let caller = request.caller()?;
    let Pay { order_id, amount, method: PaymentMethod(method) } = request.json()?;
    let wanted = PaymentRequest { order_id, amount, method };
    let key = request.idempotency_key(&wanted)?;
    let response = payments.request(caller, &wanted, key, &request, |payment| {
        http::accepted(format!("/api/v1/payments/{}", payment.id), &PaymentResponse::from(payment))
    });
    Ok(Response::from(response.await?))
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    let order_id = "01930000-0000-7003-8000-000000000001";
    Operation::new(ROUTE, "createPayment", "Pay an order that was placed without a payment")
        .describe(
            "The payment is `pending` at first, and a moment later `captured`, `declined` or `voided`. An order has \
             only one payment: if it exists already, the field `payment` of the problem contains it.",
        )
        .body(
            Form::of::<Pay>()
                .example("a card", json!({ "order_id": order_id, "amount": "1978.90", "method": "pm_card_visa" })),
        )
        .idempotent()
        .response::<PaymentResponse<'_>>(202, "The payment, which is not processed yet.", example("pending"))
        .refuses(PaymentsError::NoSuchOrder)
        .refuses(PaymentsError::Refused(Refusal::Exists, None))
        .refuses(PaymentsError::Refused(Refusal::Ended, None))
        .refuses(PaymentsError::Busy)
}
