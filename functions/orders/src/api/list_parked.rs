use kernel::{OrderId, Timestamp};
use lambda::{
    cursor::Cursors,
    http::{self, ApiRequest, Reply, Request},
    openapi::Operation,
    policy::{Access, Route},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::{
    Orders,
    domain::{Order, Status},
    store::Parked,
};

/// An order whose checkout waits for an operator.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ParkedOrder")]
struct ParkedOrderResponse<'a> {
    order_id: OrderId,
    /// The current status of the order.
    status: Status,
    /// The error of the last step.
    failure: &'a str,
    parked_at: Timestamp,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ParkedOrderList")]
struct ListResponse<'a> {
    items: Vec<ParkedOrderResponse<'a>>,
    next_cursor: Option<String>,
}

pub(crate) const ROUTE: Route = Route::new("GET /api/v1/orders/parked", Access::Admin);

/// `GET /orders/parked`: lists the orders whose checkout could be neither completed nor compensated, the oldest first.
pub async fn list_parked((orders, cursors): &(Orders, Cursors), request: Request) -> Reply {
    const SCOPE: &str = "GET /orders/parked";
    let limit = request.limit()?;
    let after = request.query("cursor").map(|cursor| cursors.open(SCOPE, &cursor)).transpose()?;
    let (page, more) = orders.parked_orders(after.and_then(|id| id.parse().ok()), limit).await?;
    let next_cursor = page.last().filter(|_| more).map(|(last, _)| cursors.seal(SCOPE, &last.order_id.to_string()));
    http::ok(&ListResponse { items: page.iter().map(ParkedOrderResponse::from).collect(), next_cursor })
}

impl<'a> From<&'a (Parked, Order)> for ParkedOrderResponse<'a> {
    fn from((parked, order): &'a (Parked, Order)) -> Self {
        let Parked { order_id, failure, parked_at, .. } = parked;
        Self { order_id: *order_id, status: order.status, failure, parked_at: *parked_at }
    }
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    let parked = json!({
        "order_id": "01930000-0000-7003-8000-000000000001",
        "status": "shipped",
        "failure": "CaptureRefused: the amount cannot be captured",
        "parked_at": "2026-11-21T06:30:31.000Z",
    });
    Operation::new(ROUTE, "listParkedOrders", "List parked orders")
        .describe(
            "Orders whose checkout could be neither completed nor compensated, the oldest first. A checkout that fails \
             is compensated. If that fails too, or comes too late, the order is parked until an operator looks at it. \
             An entry stays in the list until it is retried.",
        )
        .list()
        .ok::<ListResponse<'_>>("A page of parked orders.", json!({ "items": [parked], "next_cursor": null }))
}
