use lambda::{
    http::{Reply, Request},
    openapi::Operation,
    policy::{Access, Limit, Route},
};

use super::place_order::{PaymentToken, describe_payment_method, place, place_operation, read, read_payment_method};
use crate::Orders;

pub(crate) const ROUTE: Route = Route::new("POST /api/v1/checkout", Access::Customer).limited(Limit::Writes);

/// `POST /checkout`: places an order and starts its checkout, and does not wait for its end.
pub async fn checkout(orders: &Orders, request: &Request) -> Reply {
    let body = request.body(|body| {
        let payment_method = read_payment_method(body, orders.default_payment_method());
        let order = read(body, payment_method.clone());
        payment_method.and(order)
    })?;
    place(orders, request, body).await
}

/// Describes the operation for the OpenAPI document.
pub(super) fn operation() -> Operation {
    let operation = Operation::new(ROUTE, "checkout", "Place an order and pay it").describe(
        "The response does not wait for the payment: the order is `pending`, and soon `paid` or `cancelled`. While the \
         payment provider is unavailable, it stays `pending` until its reservation expires. Prices come from the \
         catalog; a stated price that differs is refused.",
    );
    place_operation(operation, |form| describe_payment_method(form.optional::<PaymentToken>("payment_method")))
}
