use kernel::OrderId;
use lambda::{
    http::{self, Reply, Request},
    openapi::Operation,
};

use super::answer::{OrderAnswer, example};
use crate::Orders;

/// `GET /orders/{order_id}`: the order as it stands, up to date to the last write.
pub async fn get_order(orders: &Orders, request: &Request) -> Reply {
    let id: OrderId = request.id("order_id", "order")?;
    let order = orders.find(request.caller()?, id).await?;
    http::ok(&OrderAnswer::from(&order))
}

/// How the document tells of it.
pub(super) fn operation() -> Operation {
    Operation::new("GET /api/v1/orders/{order_id}", "getOrder", "One order")
        .describe("Up to date to the last write.")
        .ok::<OrderAnswer<'_>>("The order.", example("delivered"))
}
