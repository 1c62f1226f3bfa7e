use kernel::OrderId;
use lambda::{
    http::{self, Reply, Request, Response},
    openapi::Operation,
};

use super::answer::{OrderAnswer, example};
use crate::{Orders, OrdersError};

/// `POST /orders/{order_id}/retry`: starts the checkout of a parked order over; the answer does not wait for its end.
pub async fn retry_order(orders: &Orders, request: &Request) -> Reply {
    let id: OrderId = request.id("order_id", "order")?;
    let order = orders.retry(id).await?;
    Ok(Response::from(http::accepted(format!("/api/v1/orders/{id}"), &OrderAnswer::from(&order))?))
}

/// How the document tells of it.
pub(super) fn operation() -> Operation {
    Operation::new("POST /api/v1/orders/{order_id}/retry", "retryOrder", "Start the checkout of a parked order over")
        .describe(
            "Every step can be taken twice, so this finishes what can be finished: of an order that stands the money is taken, of one that \
             was cancelled money and stock go back. The order leaves the list of parked orders, and is back there if it fails again.",
        )
        .answer::<OrderAnswer<'_>>(202, "The order, whose checkout has started over.", example("shipped"))
        .refuses(OrdersError::NotParked)
}
