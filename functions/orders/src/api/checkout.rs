use lambda::{
    http::{ApiRequest, Reply, Request},
    openapi::Operation,
    policy::{Access, Limit, Route},
};

use super::{
    order_body::OrderBody,
    place_order::{place, place_operation},
};
use crate::Orders;

pub(crate) const ROUTE: Route = Route::new("POST /api/v1/checkout", Access::Customer).limited(Limit::Writes);

/// `POST /checkout`: places an order and starts its checkout, and does not wait for its end.
pub async fn checkout(orders: &Orders, request: Request) -> Reply {
    let body: OrderBody = request.json_with(OrderBody::rules)?;
    let (order, lines_in) = body.order_paid_now(orders.default_payment_method())?;
    place(orders, &request, order, lines_in).await
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    let operation = Operation::new(ROUTE, "checkout", "Place an order and pay it").describe(
        "The response does not wait for the payment: the order is `pending`, and soon `paid` or `cancelled`. While the \
         payment provider is unavailable, it stays `pending` until its reservation expires. Prices come from the \
         catalog; a stated price that differs is refused.",
    );
    place_operation(operation, &[])
}
