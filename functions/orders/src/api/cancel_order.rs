use kernel::OrderId;
use lambda::{
    http::{self, Reply, Request},
    openapi::Operation,
};

use super::{
    answer::{OrderAnswer, example},
    set_status::no_step,
};
use crate::{Orders, OrdersError, store::Act};

/// `DELETE /orders/{order_id}`: ends an order that was not sent yet; money and stock go back.
pub async fn cancel_order(orders: &Orders, request: &Request) -> Reply {
    let id: OrderId = request.id("order_id", "order")?;
    let caller = request.caller()?;
    let act = Act { by: caller.into(), reason: None, now: request.now, cause: request.cause() };
    http::ok(&OrderAnswer::from(&orders.cancel(caller, id, &act).await?))
}

/// How the document tells of it.
pub(super) fn operation() -> Operation {
    let mut cancelled = example("cancelled");
    cancelled["cancel_reason"] = "requested".into();
    Operation::new("DELETE /api/v1/orders/{order_id}", "cancelOrder", "Cancel an order")
        .describe(
            "As long as it is not shipped; cancelled before is cancelled. Stock and money go back a moment later: once all of the money \
             is back, the order is `refunded`.",
        )
        .ok::<OrderAnswer<'_>>("The order, cancelled.", cancelled)
        .refuses(no_step())
        .refuses(OrdersError::Busy)
}
