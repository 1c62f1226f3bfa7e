use kernel::OrderId;
use lambda::{
    http::{self, Reply, Request, Response},
    openapi::{Object, Operation},
};
use serde_json::json;

use super::{
    answer::{OrderAnswer, example},
    place_order::{PaymentToken, about_payment_method, read_payment_method},
    set_status::no_step,
};
use crate::{Orders, OrdersError, domain::Refusal};

/// `POST /orders/{order_id}/payment`: has an order paid that was placed to be paid later; the answer does not wait for that.
pub async fn pay_order(orders: &Orders, request: &Request) -> Reply {
    let id: OrderId = request.id("order_id", "order")?;
    let payment_method = request.body(|body| read_payment_method(body, orders.default_payment_method()))?;
    let claim = request.idempotency(&(id, &payment_method))?;
    let answer = orders.pay(request, id, payment_method, claim, |order| {
        http::accepted(format!("/api/v1/orders/{}", order.id), &OrderAnswer::from(order))
    });
    Ok(Response::from(answer.await?))
}

/// How the document tells of it.
pub(super) fn operation() -> Operation {
    let order: OrderId = [0; 16].into();
    let payment_id = kernel::PaymentId::derived(order, "payment");
    Operation::new("POST /api/v1/orders/{order_id}/payment", "payOrder", "Have a pending order paid")
        .describe(
            "The answer does not wait for the payment: the order is `pending`, and a moment later `paid` or `cancelled`. While the \
             payment provider is away it stays `pending`, for as long as its stock is set aside. An order has one payment; `in_checkout` names it.",
        )
        .body(
            about_payment_method(Object::new().optional::<PaymentToken>("payment_method"))
                .example("a card", json!({ "payment_method": "pm_card_visa" })),
        )
        .idempotent()
        .answer::<OrderAnswer<'_>>(202, "The order, whose checkout has started.", example("pending"))
        .refuses(OrdersError::Refused(Refusal::InCheckout { payment_id }))
        .refuses(no_step())
        .refuses(OrdersError::Busy)
}
