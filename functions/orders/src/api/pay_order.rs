use deserr::Deserr;
use kernel::OrderId;
use lambda::{
    http::{self, ApiRequest, Reply, Request, Response},
    input::InvalidFields,
    openapi::{Form, Operation},
    policy::{Access, Limit, Route},
};
use schemars::JsonSchema;
use serde_json::json;

use super::{
    audit::audit_context,
    order_body::{PaymentToken, payment_method},
    response::{OrderResponse, example},
    set_status::step_not_allowed,
};
use crate::{Orders, OrdersError, domain::Refusal, placement::CheckoutStart};

/// How often the start of a checkout is attempted while other requests change the same order.
const MAX_ATTEMPTS: usize = 2;

pub(crate) const ROUTE: Route =
    Route::new("POST /api/v1/orders/{order_id}/payment", Access::Owner).limited(Limit::Writes);

#[derive(Deserr, JsonSchema)]
#[deserr(error = InvalidFields, deny_unknown_fields)]
struct PayOrder {
    /// The payment provider's token. The simulator accepts test cards such as `pm_card_visa` (the default) and
    /// `pm_card_chargeDeclined`; docs/api.md lists all of them.
    #[deserr(default)]
    payment_method: Option<PaymentToken>,
}

/// `POST /orders/{order_id}/payment`: starts the checkout of an order that was placed to be paid later, and does not
/// wait for its end.
pub async fn pay_order(orders: &Orders, request: Request) -> Reply {
    let id: OrderId = request.id("order_id", "order")?;
    let body: PayOrder = request.json()?;
    let payment_method = payment_method(body.payment_method, orders.default_payment_method())?;
    let idempotency_key = request.idempotency_key(&(id, &payment_method))?;
    let caller = request.caller()?;
    let audit = audit_context(&request, caller, None);
    for _ in 0..MAX_ATTEMPTS {
        let (method, key) = (payment_method.clone(), idempotency_key.clone());
        let prepared = match orders.prepare_checkout(caller, id, method, key, request.now()).await? {
            CheckoutStart::Prepared(prepared) => prepared,
            CheckoutStart::Replayed(response) => return Ok(Response::from(response)),
        };
        let response = http::accepted(format!("/api/v1/orders/{id}"), &OrderResponse::from(&prepared.order))?;
        if let Some(response) = orders.commit(&request, *prepared, response, &audit).await? {
            return Ok(Response::from(response));
        }
    }
    Err(OrdersError::Busy.into())
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    let order: OrderId = [0; 16].into();
    let payment_id = kernel::PaymentId::derived(order, "payment");
    Operation::new(ROUTE, "payOrder", "Pay a pending order")
        .describe(
            "The response does not wait for the payment: the order is `pending`, and soon `paid` or `cancelled`. While \
             the payment provider is unavailable, it stays `pending` until its reservation expires. If the checkout \
             has already started, the problem `in_checkout` contains the `payment_id`.",
        )
        .body(Form::of::<PayOrder>().example("a card", json!({ "payment_method": "pm_card_visa" })))
        .idempotent()
        .response::<OrderResponse<'_>>(202, "The order, whose checkout was started.", example("pending"))
        .refuses(OrdersError::Refused(Refusal::InCheckout { payment_id }))
        .refuses(step_not_allowed())
        .refuses(OrdersError::Busy)
}
