use kernel::OrderId;
use lambda::{
    http::{self, ApiRequest, Reply, Request},
    openapi::Operation,
    policy::{Access, Limit, Route},
};

use super::{
    audit::audit_context,
    response::{OrderResponse, example},
    set_status::step_not_allowed,
};
use crate::{Orders, OrdersError};

pub(crate) const ROUTE: Route = Route::new("DELETE /api/v1/orders/{order_id}", Access::Owner).limited(Limit::Writes);

/// `DELETE /orders/{order_id}`: cancels an order that was not shipped yet.
pub async fn cancel_order(orders: &Orders, request: Request) -> Reply {
    let id: OrderId = request.id("order_id", "order")?;
    let caller = request.caller()?;
    let audit = audit_context(&request, caller, None);
    http::ok(&OrderResponse::from(&orders.cancel(caller, id, &audit).await?))
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    let mut cancelled = example("cancelled");
    cancelled["cancel_reason"] = "requested".into();
    Operation::new(ROUTE, "cancelOrder", "Cancel an order")
        .describe(
            "An order can be cancelled until it is shipped. Cancelling it again has no effect. The stock is released \
             and the payment refunded soon afterwards; when everything is refunded, the order is `refunded`.",
        )
        .ok::<OrderResponse<'_>>("The cancelled order.", cancelled)
        .refuses(step_not_allowed())
        .refuses(OrdersError::Busy)
}
