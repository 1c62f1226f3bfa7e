use lambda::{
    http::{Reply, Request},
    openapi::Operation,
};

use super::place_order::{PaymentToken, about_payment_method, place, place_operation, read, read_payment_method};
use crate::Orders;

/// `POST /checkout`: records an order and has it paid; the answer does not wait for that.
pub async fn checkout(orders: &Orders, request: &Request) -> Reply {
    let wanted = request.body(|body| {
        let payment_method = read_payment_method(body, orders.default_payment_method());
        let wanted = read(body, payment_method.clone());
        payment_method.and(wanted)
    })?;
    place(orders, request, wanted).await
}

/// How the document tells of it.
pub(super) fn operation() -> Operation {
    let operation = Operation::new("POST /api/v1/checkout", "checkout", "Place an order and have it paid").describe(
        "The answer does not wait for the payment: the order is `pending`, and a moment later `paid` or `cancelled`. While the \
         payment provider is away it stays `pending`, for as long as its stock is set aside. Prices are the catalog's; a stated one that \
         differs is refused.",
    );
    place_operation(operation, |form| about_payment_method(form.optional::<PaymentToken>("payment_method")))
}
