use lambda::{
    http::{ApiRequest, Reply, Request},
    openapi::Operation,
    policy::{Access, Limit, Route},
};

use super::{
    order_body::{OrderBody, payment_method},
    place_order::{place, place_operation},
};
use crate::Orders;

pub(crate) const ROUTE: Route = Route::new("POST /api/v1/checkout", Access::Customer).limited(Limit::Writes);

/// `POST /checkout`: places an order and starts its checkout, and does not wait for its end.
pub async fn checkout(orders: &Orders, request: Request) -> Reply {
    let mut body: OrderBody = request.json()?;
    let method = payment_method(body.payment_method.take(), orders.default_payment_method())?;
    let (order, form) = body.order(Some(method))?;
    place(orders, &request, order, form).await
}

/// Describes the operation for the OpenAPI document.
pub(super) fn operation() -> Operation {
    let operation = Operation::new(ROUTE, "checkout", "Place an order and pay it").describe(
        "The response does not wait for the payment: the order is `pending`, and soon `paid` or `cancelled`. While the \
         payment provider is unavailable, it stays `pending` until its reservation expires. Prices come from the \
         catalog; a stated price that differs is refused.",
    );
    place_operation(operation, &[])
}
