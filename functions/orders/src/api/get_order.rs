use kernel::OrderId;
use lambda::http::{self, Reply, Request};

use super::answer::OrderAnswer;
use crate::Orders;

/// `GET /orders/{order_id}`: the order as it stands, up to date to the last write.
pub async fn get_order(orders: &Orders, request: &Request) -> Reply {
    let id: OrderId = request.id("order_id", "order")?;
    let order = orders.find(request.caller()?, id).await?;
    http::ok(&OrderAnswer::from(&order))
}
