use kernel::{OrderId, Timestamp};
use lambda::{
    cursor::Cursors,
    http::{self, Reply, Request},
    openapi::Operation,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::{
    Orders,
    domain::{Order, Status},
    store::Parked,
};

/// An order whose checkout waits for a person.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ParkedOrder")]
struct ParkedAnswer<'a> {
    order_id: OrderId,
    /// What it has become by now.
    status: Status,
    /// The last step's failure.
    failure: &'a str,
    parked_at: Timestamp,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ParkedOrderList")]
struct ListAnswer<'a> {
    items: Vec<ParkedAnswer<'a>>,
    next_cursor: Option<String>,
}

/// `GET /orders/parked`: the orders whose checkout could be neither finished nor undone, the oldest first.
pub async fn list_parked((orders, cursors): &(Orders, Cursors), request: &Request) -> Reply {
    const SCOPE: &str = "GET /orders/parked";
    let limit = request.limit()?;
    let after = request.query("cursor").map(|cursor| cursors.open(SCOPE, &cursor)).transpose()?;
    let (page, more) = orders.all_parked(after.and_then(|id| id.parse().ok()), limit).await?;
    let next_cursor = page.last().filter(|_| more).map(|(last, _)| cursors.seal(SCOPE, &last.order_id.to_string()));
    http::ok(&ListAnswer { items: page.iter().map(ParkedAnswer::from).collect(), next_cursor })
}

impl<'a> From<&'a (Parked, Order)> for ParkedAnswer<'a> {
    fn from((parked, order): &'a (Parked, Order)) -> Self {
        let Parked { order_id, failure, parked_at, .. } = parked;
        Self { order_id: *order_id, status: order.status, failure, parked_at: *parked_at }
    }
}

/// How the document tells of it.
pub(super) fn operation() -> Operation {
    let parked = json!({
        "order_id": "01930000-0000-7003-8000-000000000001",
        "status": "shipped",
        "failure": "CaptureRefused: the money cannot be taken",
        "parked_at": "2026-11-21T06:30:31.000Z",
    });
    Operation::new(
        "GET /api/v1/orders/parked",
        "listParkedOrders",
        "Orders whose checkout could be neither finished nor undone, the oldest first",
    )
    .describe(
        "A checkout that fails is undone; where even that fails, or comes too late, the order waits here for a person. An entry stays until \
         it is retried.",
    )
    .list()
    .ok::<ListAnswer<'_>>("A page of parked orders.", json!({ "items": [parked], "next_cursor": null }))
}
