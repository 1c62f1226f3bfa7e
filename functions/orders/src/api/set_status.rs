use kernel::{Invalid, OrderId, Text};
use lambda::{
    http::{self, Reply, Request},
    input::{Field, schema_of},
    openapi::{Object, Operation},
    policy::{Access, Limit, Route},
    problem::Problem,
};
use schemars::Schema;
use serde_json::{Value, json};

use super::{
    audit::audit_context,
    response::{OrderResponse, example},
};
use crate::{
    Orders, OrdersError,
    domain::{Refusal, Status},
};

/// The reason for a change, in the administrator's own words.
type Reason = Text<1, 500>;

pub(crate) const SET_ORDER_STATUS: Route =
    Route::new("PUT /api/v1/orders/{order_id}/status", Access::Admin).limited(Limit::Writes);
pub(crate) const PATCH_ORDER_STATUS: Route =
    Route::new("PATCH /api/v1/orders/{order_id}/status", Access::Admin).limited(Limit::Writes);

/// `PUT, PATCH /orders/{order_id}/status`: moves an order one step forward.
pub async fn set_status(orders: &Orders, request: &Request) -> Reply {
    let id: OrderId = request.id("order_id", "order")?;
    let (status, reason) = request.body(|body| {
        let status = body.required::<Status>("status");
        let reason = body.optional::<Reason>("reason");
        Some((status?, reason?))
    })?;
    let reason = reason.map(|reason| reason.to_string());
    let audit = audit_context(request, request.caller()?, reason);
    http::ok(&OrderResponse::from(&orders.set_status(id, status, &audit).await?))
}

impl Field for Status {
    fn read(value: &Value) -> Result<Self, Invalid> {
        value.as_str().ok_or_else(|| Invalid::new("wrong_type", "must be a string"))?.parse()
    }

    fn schema() -> Schema {
        schema_of::<Self>()
    }
}

/// Describes the operation for the OpenAPI document.
pub(super) fn operation() -> Operation {
    Operation::new(SET_ORDER_STATUS, "setOrderStatus", "Move an order one step forward")
        .also(PATCH_ORDER_STATUS, "patchOrderStatus")
        .describe(
            "The next step is `processing`, `shipped`, `delivered`, or `cancelled` from any status before `shipped`. \
             The stock of a cancelled order is released and its payment refunded. Setting the current status again has \
             no effect. `paid` and `refunded` follow from the payment. The reason is stored with the event, where the \
             customer can read it.",
        )
        .body(
            Object::new()
                .required::<Status>("status")
                .optional::<Reason>("reason")
                .description("The reason, for readers of the order's events.")
                .example("a step", json!({ "status": "shipped" }))
                .example("with a reason", json!({ "status": "cancelled", "reason": "The parcel was lost." })),
        )
        .ok::<OrderResponse<'_>>("The order.", example("shipped"))
        .refuses(step_not_allowed())
        .refuses(OrdersError::Busy)
}

/// Returns the problem of a step that the status does not allow.
pub(super) fn step_not_allowed() -> Problem {
    OrdersError::Refused(Refusal::Step { from: Status::Pending, to: Status::Shipped }).into()
}
