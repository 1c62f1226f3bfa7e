use kernel::{OrderId, UserId};
use lambda::{
    cursor::Cursors,
    http::{self, ApiRequest, Reply, Request},
    openapi::Operation,
    policy::{Access, Route},
    problem::Problem,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::response::{PaymentResponse, example};
use crate::Payments;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PaymentList")]
struct ListResponse<'a> {
    items: Vec<PaymentResponse<'a>>,
    next_cursor: Option<String>,
}

pub(crate) const ROUTE: Route = Route::new("GET /api/v1/payments", Access::Customer);

/// `GET /payments`: returns the caller's payments, newest first, or the one of `?order_id=`. Administrators may add
/// `?user_id=`.
pub async fn list_payments((payments, cursors): &(Payments, Cursors), request: Request) -> Reply {
    let caller = request.caller()?;
    let limit = request.limit()?;
    let user_id = request.parsed_query::<UserId>("user_id")?.unwrap_or(caller.user_id);
    if user_id != caller.user_id && !caller.is_admin() {
        return Err(not_yours());
    }
    if let Some(order_id) = request.parsed_query::<OrderId>("order_id")? {
        let payment = payments.of_order(user_id, order_id).await?;
        return http::ok(&ListResponse {
            items: payment.iter().map(PaymentResponse::from).collect(),
            next_cursor: None,
        });
    }
    let scope = format!("GET /payments {user_id}");
    let after = request.query("cursor").map(|cursor| cursors.open(&scope, &cursor)).transpose()?;
    let (page, next) = payments.of_user(user_id, after, limit).await?;
    let next_cursor = next.map(|id| cursors.seal(&scope, &id.to_string()));
    http::ok(&ListResponse { items: page.iter().map(PaymentResponse::from).collect(), next_cursor })
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    Operation::new(ROUTE, "listPayments", "List the caller's payments, newest first")
        .query::<OrderId>("order_id", "Only the payment of this order.", "01930000-0000-7003-8000-000000000001")
        .query::<UserId>(
            "user_id",
            "The payments of this user. Only for administrators.",
            "01930000-0000-7001-8000-000000000001",
        )
        .list()
        .ok::<ListResponse<'_>>("A page of payments.", json!({ "items": [example("captured")], "next_cursor": null }))
        .refuses(not_yours())
}

fn not_yours() -> Problem {
    Problem::new(403, "forbidden", "Only administrators can list the payments of other users.")
}
