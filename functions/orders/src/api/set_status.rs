use deserr::Deserr;
use kernel::{OrderId, Text};
use lambda::{
    http::{self, ApiRequest, Reply, Request},
    input::InvalidFields,
    openapi::{Form, Operation},
    policy::{Access, Limit, Route},
    problem::Problem,
};
use schemars::JsonSchema;
use serde_json::json;

use super::{
    audit::audit_context,
    response::{OrderResponse, example},
};
use crate::{
    Orders, OrdersError,
    domain::{Refusal, Status},
};

lambda::text_fields!(Status);

#[derive(Deserr, JsonSchema)]
#[deserr(error = InvalidFields, deny_unknown_fields)]
struct SetStatus {
    status: Status,
    /// The reason, for readers of the order's events.
    #[deserr(default)]
    reason: Option<Text<1, 500>>,
}

pub(crate) const SET_ORDER_STATUS: Route =
    Route::new("PUT /api/v1/orders/{order_id}/status", Access::Admin).limited(Limit::Writes);
pub(crate) const PATCH_ORDER_STATUS: Route =
    Route::new("PATCH /api/v1/orders/{order_id}/status", Access::Admin).limited(Limit::Writes);

/// `PUT, PATCH /orders/{order_id}/status`: moves an order one step forward.
pub async fn set_status(orders: &Orders, request: Request) -> Reply {
    let id: OrderId = request.id("order_id", "order")?;
    let SetStatus { status, reason } = request.json()?;
    let reason = reason.map(|reason| reason.to_string());
    let audit = audit_context(&request, request.caller()?, reason);
    http::ok(&OrderResponse::from(&orders.set_status(id, status, &audit).await?))
}

/// Describes the endpoint in the OpenAPI document.
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
            Form::of::<SetStatus>()
                .example("a step", json!({ "status": "shipped" }))
                .example("with a reason", json!({ "status": "cancelled", "reason": "The parcel was lost." })),
        )
        .ok::<OrderResponse<'_>>("The order.", example("shipped"))
        .refuses(step_not_allowed())
        .refuses(OrdersError::Busy)
}

/// Returns an example of the problem of a step that the status does not allow.
pub(super) fn step_not_allowed() -> Problem {
    OrdersError::Refused(Refusal::Step { from: Status::Pending, to: Status::Shipped }).into()
}
