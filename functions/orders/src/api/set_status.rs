use kernel::{Invalid, OrderId, Text};
use lambda::{
    http::{self, Reply, Request},
    input::{Field, schema_of},
    openapi::{Object, Operation},
    problem::Problem,
};
use schemars::Schema;
use serde_json::{Value, json};

use super::answer::{OrderAnswer, example};
use crate::{
    Orders, OrdersError,
    domain::{Refusal, Status},
    store::Act,
};

/// Why somebody did something, in their words.
type Reason = Text<1, 500>;

/// `PUT, PATCH /orders/{order_id}/status`: brings an order one step on.
pub async fn set_status(orders: &Orders, request: &Request) -> Reply {
    let id: OrderId = request.id("order_id", "order")?;
    let (status, reason) = request.body(|body| {
        let status = body.required::<Status>("status");
        let reason = body.optional::<Reason>("reason");
        Some((status?, reason?))
    })?;
    let reason = reason.map(|reason| reason.to_string());
    let act = Act { by: request.caller()?.into(), reason, now: request.now, cause: request.cause() };
    http::ok(&OrderAnswer::from(&orders.set_status(id, status, &act).await?))
}

impl Field for Status {
    fn read(value: &Value) -> Result<Self, Invalid> {
        value.as_str().ok_or_else(|| Invalid::new("wrong_type", "must be a string"))?.parse()
    }

    fn schema() -> Schema {
        schema_of::<Self>()
    }
}

/// How the document tells of it.
pub(super) fn operation() -> Operation {
    Operation::new("PUT /api/v1/orders/{order_id}/status", "setOrderStatus", "Bring an order one step on")
        .also("PATCH /api/v1/orders/{order_id}/status", "patchOrderStatus")
        .describe(
            "One step: `processing`, `shipped`, `delivered`, or `cancelled` from any state before `shipped`; money and stock of a cancelled \
             order go back. The state it has is 200 and changes nothing. `paid` and `refunded` follow from the payment. The reason is kept \
             with the event, where the customer sees it, too.",
        )
        .body(
            Object::new()
                .required::<Status>("status")
                .optional::<Reason>("reason")
                .about("Why, for who looks at the order's events.")
                .example("a step", json!({ "status": "shipped" }))
                .example("with a reason", json!({ "status": "cancelled", "reason": "The parcel was lost." })),
        )
        .ok::<OrderAnswer<'_>>("The order.", example("shipped"))
        .refuses(no_step())
        .refuses(OrdersError::Busy)
}

/// What a step that the state does not allow is answered with.
pub(super) fn no_step() -> Problem {
    OrdersError::Refused(Refusal::Step { from: Status::Pending, to: Status::Shipped }).into()
}
