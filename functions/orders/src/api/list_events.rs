use contracts::{Event, OrderEvent};
use kernel::{EventId, OrderId, Timestamp};
use lambda::{
    cursor::Cursors,
    http::{self, ApiRequest, Reply, Request},
    openapi::Operation,
    policy::{Access, Route},
    problem::Problem,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{Orders, domain::Actor, store::Entry};

/// An event of an order.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OrderEvent")]
struct EventResponse<'a> {
    /// The number of the event within the order, from 1.
    sequence: u64,
    event_id: EventId,
    #[serde(rename = "type")]
    event_type: &'static str,
    time: Timestamp,
    /// Who caused it: `user` with the id and the role of the person, or `system` with the name of the actor.
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<&'a Actor>,
    /// The reason, in the actor's own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    /// The data of the event, as it is published.
    data: Value,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OrderEventList")]
struct ListResponse<'a> {
    items: Vec<EventResponse<'a>>,
    next_cursor: Option<String>,
}

pub(crate) const ROUTE: Route = Route::new("GET /api/v1/orders/{order_id}/events", Access::Owner);

/// `GET /orders/{order_id}/events`: returns the events of an order, the oldest first.
pub async fn list_events((orders, cursors): &(Orders, Cursors), request: Request) -> Reply {
    let id: OrderId = request.id("order_id", "order")?;
    let limit = request.limit()?;
    let scope = format!("GET /orders/{id}/events");
    let after = request.query("cursor").map(|cursor| cursors.open(&scope, &cursor)).transpose()?;
    let after = after.and_then(|place| place.parse().ok()).unwrap_or(0);
    let (entries, more) = orders.history(request.caller()?, id, after, limit).await?;
    let next = entries.last().filter(|_| more).map(|last| last.envelope.sequence.to_string());
    let items = entries.iter().map(EventResponse::of).collect::<Result<_, _>>()?;
    http::ok(&ListResponse { items, next_cursor: next.map(|place| cursors.seal(&scope, &place)) })
}

impl<'a> EventResponse<'a> {
    fn of(entry: &'a Entry) -> Result<Self, Problem> {
        let envelope = &entry.envelope;
        Ok(Self {
            sequence: envelope.sequence,
            event_id: envelope.event_id,
            event_type: envelope.event.event_type(),
            time: envelope.timestamp,
            actor: entry.actor.as_ref(),
            reason: entry.reason.as_deref(),
            data: data(&envelope.event)?,
        })
    }
}

/// Returns the data of an event.
fn data(event: &OrderEvent) -> Result<Value, Problem> {
    let mut event = serde_json::to_value(event).map_err(|error| {
        tracing::error!(%error, "an event could not be serialized");
        Problem::internal()
    })?;
    Ok(event["data"].take())
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    let (order, user) = ("01930000-0000-7003-8000-000000000001", "01930000-0000-7001-8000-000000000001");
    let admin = "01930000-0000-7001-8000-000000000000";
    let shipped = json!({
        "sequence": 5,
        "event_id": "01a1fccc-a1b6-75fc-b4fb-aa183d9a9821",
        "type": "OrderShipped",
        "time": "2026-11-21T06:30:31.606Z",
        "actor": { "kind": "user", "user_id": admin, "role": "admin" },
        "reason": "Parcel 42",
        "data": { "order_id": order, "user_id": user },
    });
    Operation::new(ROUTE, "listOrderEvents", "List the events of an order")
        .describe(
            "What happened to the order, when, who did it and why, the oldest event first. The list is strongly \
             consistent.",
        )
        .list()
        .ok::<ListResponse<'_>>("A page of events.", json!({ "items": [shipped], "next_cursor": null }))
}
