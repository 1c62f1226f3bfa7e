use lambda::http::{Reply, Request};

use super::place_order::{place, read, read_payment_method};
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
