use kernel::UserId;
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

use super::response::{OrderResponse, example};
use crate::{Orders, domain::Status};

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OrderList")]
struct ListResponse<'a> {
    items: Vec<OrderResponse<'a>>,
    next_cursor: Option<String>,
}

pub(crate) const LIST_ORDERS: Route = Route::new("GET /api/v1/orders", Access::Customer);
pub(crate) const LIST_USER_ORDERS: Route = Route::new("GET /api/v1/users/{user_id}/orders", Access::Owner);

/// `GET /orders`: lists the caller's own orders, or for an administrator all, or those of `?status=` or `?user_id=`.
pub async fn list_orders((orders, cursors): &(Orders, Cursors), request: Request) -> Reply {
    let caller = request.caller()?;
    let limit = request.limit()?;
    let status: Option<Status> = request.parsed_query("status")?;
    let requested_user: Option<UserId> = request.parsed_query("user_id")?;
    let user = match requested_user {
        Some(user_id) if user_id != caller.user_id && !caller.is_admin() => {
            return Err(orders_of_another_user());
        }
        Some(user_id) => Some(user_id),
        None if caller.is_admin() => None,
        None => Some(caller.user_id),
    };
    if user.is_some() && status.is_some() {
        return Err(unsupported_filter());
    }
    list(orders, cursors, &request, user, status, limit).await
}

/// `GET /users/{user_id}/orders`: lists one user's orders.
pub async fn list_user_orders((orders, cursors): &(Orders, Cursors), request: Request) -> Reply {
    let user_id: UserId = request.id("user_id", "user")?;
    list(orders, cursors, &request, Some(user_id), None, request.limit()?).await
}

async fn list(
    orders: &Orders,
    cursors: &Cursors,
    request: &Request,
    user: Option<UserId>,
    status: Option<Status>,
    limit: usize,
) -> Reply {
    let scope = format!("GET /orders {user:?} {status:?}");
    let after = request.query("cursor").map(|cursor| cursors.open(&scope, &cursor)).transpose()?;
    let (page, more) = match user {
        Some(user_id) => orders.orders_of_user(user_id, after, limit).await?,
        None => orders.all_orders(status, after, limit).await?,
    };
    let next_cursor = page.last().filter(|_| more).map(|last| cursors.seal(&scope, &last.id.to_string()));
    http::ok(&ListResponse { items: page.iter().map(OrderResponse::from).collect(), next_cursor })
}

/// Describes the operations for the OpenAPI document.
pub(super) fn operations() -> [Operation; 2] {
    let page = || json!({ "items": [example("pending")], "next_cursor": null });
    let all = Operation::new(LIST_ORDERS, "listOrders", "List orders")
        .describe(
            "The caller's own orders, newest first. Administrators get the orders of all customers. Only they can use \
             filters, one at a time. The orders of one customer are strongly consistent. The list of all orders is \
             read from an index that lags behind by some milliseconds, at times by a second.",
        )
        .query::<Status>("status", "Only orders with this status.", "pending")
        .query::<UserId>("user_id", "Only orders of this user.", "01930000-0000-7001-8000-000000000001")
        .list()
        .ok::<ListResponse<'_>>("A page of orders.", page())
        .refuses(orders_of_another_user())
        .refuses(unsupported_filter());
    let of_user = Operation::new(LIST_USER_ORDERS, "listUserOrders", "List a user's orders")
        .describe("The newest order comes first.")
        .list()
        .ok::<ListResponse<'_>>("A page of orders.", page());
    [all, of_user]
}

fn orders_of_another_user() -> Problem {
    Problem::new(403, "forbidden", "Only an administrator can list the orders of another user.")
}

fn unsupported_filter() -> Problem {
    Problem::new(422, "unsupported_filter", "`status` is only supported in an administrator's list of all orders.")
}
