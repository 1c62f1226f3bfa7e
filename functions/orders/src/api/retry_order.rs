use kernel::OrderId;
use lambda::{
    http::{self, ApiRequest, Reply, Request, Response},
    openapi::Operation,
    policy::{Access, Limit, Route},
};

use super::response::{OrderResponse, example};
use crate::{Orders, OrdersError};

pub(crate) const ROUTE: Route =
    Route::new("POST /api/v1/orders/{order_id}/retry", Access::Admin).limited(Limit::Writes);

/// `POST /orders/{order_id}/retry`: starts the checkout of a parked order again, and does not wait for its end.
pub async fn retry_order(orders: &Orders, request: Request) -> Reply {
    let id: OrderId = request.id("order_id", "order")?;
    let order = orders.retry(id).await?;
    Ok(Response::from(http::accepted(format!("/api/v1/orders/{id}"), &OrderResponse::from(&order))?))
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    Operation::new(ROUTE, "retryOrder", "Start the checkout of a parked order again")
        .describe(
            "This is always safe, because every step can run more than once: the payment of a sold order is captured; \
             the payment of a cancelled order is voided or refunded, and its stock is released. The order leaves the \
             list of parked orders, and returns to it if the checkout fails again.",
        )
        .response::<OrderResponse<'_>>(202, "The order, whose checkout was started again.", example("shipped"))
        .refuses(OrdersError::NotParked)
}
