use kernel::OrderId;
use lambda::{
    http::{self, Reply, Request, Response},
    openapi::{Object, Operation},
    policy::{Access, Limit, Route},
};
use serde_json::json;

use super::{
    audit::audit_context,
    place_order::{PaymentToken, describe_payment_method, read_payment_method},
    response::{OrderResponse, example},
    set_status::step_not_allowed,
};
use crate::{Orders, OrdersError, domain::Refusal, placement::CheckoutStart};

/// How often it is tried to start a checkout while other requests change the same order.
const MAX_ATTEMPTS: usize = 2;

pub(crate) const ROUTE: Route =
    Route::new("POST /api/v1/orders/{order_id}/payment", Access::Owner).limited(Limit::Writes);

/// `POST /orders/{order_id}/payment`: starts the checkout of an order that was placed to be paid later, and does not
/// wait for its end.
pub async fn pay_order(orders: &Orders, request: &Request) -> Reply {
    let id: OrderId = request.id("order_id", "order")?;
    let payment_method = request.body(|body| read_payment_method(body, orders.default_payment_method()))?;
    let idempotency_key = request.idempotency_key(&(id, &payment_method))?;
    let caller = request.caller()?;
    let audit = audit_context(request, caller, None);
    for _ in 0..MAX_ATTEMPTS {
        let (method, key) = (payment_method.clone(), idempotency_key.clone());
        let prepared = match orders.prepare_checkout(caller, id, method, key, request.now).await? {
            CheckoutStart::Prepared(prepared) => prepared,
            CheckoutStart::Replayed(response) => return Ok(Response::from(response)),
        };
        let response = http::accepted(format!("/api/v1/orders/{id}"), &OrderResponse::from(&prepared.order))?;
        if let Some(response) = orders.commit(request, *prepared, response, &audit).await? {
            return Ok(Response::from(response));
        }
    }
    Err(OrdersError::Busy.into())
}

/// Describes the operation for the OpenAPI document.
pub(super) fn operation() -> Operation {
    let order: OrderId = [0; 16].into();
    let payment_id = kernel::PaymentId::derived(order, "payment");
    Operation::new(ROUTE, "payOrder", "Pay a pending order")
        .describe(
            "The response does not wait for the payment: the order is `pending`, and soon `paid` or `cancelled`. While \
             the payment provider is unavailable, it stays `pending` until its reservation expires. If the checkout \
             has already started, the problem `in_checkout` contains the `payment_id`.",
        )
        .body(
            describe_payment_method(Object::new().optional::<PaymentToken>("payment_method"))
                .example("a card", json!({ "payment_method": "pm_card_visa" })),
        )
        .idempotent()
        .response::<OrderResponse<'_>>(202, "The order, whose checkout was started.", example("pending"))
        .refuses(OrdersError::Refused(Refusal::InCheckout { payment_id }))
        .refuses(step_not_allowed())
        .refuses(OrdersError::Busy)
}
