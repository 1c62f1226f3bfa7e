use kernel::UserId;
use lambda::{
    cursor::Cursors,
    http::{self, Reply, Request},
    openapi::Operation,
    problem::Problem,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::answer::{OrderAnswer, example};
use crate::{Orders, domain::Status};

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OrderList")]
struct ListAnswer<'a> {
    items: Vec<OrderAnswer<'a>>,
    next_cursor: Option<String>,
}

/// `GET /orders`: the caller's own, newest first; for an administrator all, or `?status=`, or `?user_id=`.
pub async fn list_orders((orders, cursors): &(Orders, Cursors), request: &Request) -> Reply {
    let caller = request.caller()?;
    let limit = request.limit()?;
    let status: Option<Status> = request.parsed_query("status")?;
    let of_user: Option<UserId> = request.parsed_query("user_id")?;
    let whose = match of_user {
        Some(user_id) if user_id != caller.user_id && !caller.is_admin() => {
            return Err(not_yours());
        }
        Some(user_id) => Some(user_id),
        None if caller.is_admin() => None,
        None => Some(caller.user_id),
    };
    if whose.is_some() && status.is_some() {
        return Err(unsupported_filter());
    }
    list(orders, cursors, request, whose, status, limit).await
}

/// `GET /users/{user_id}/orders`: one user's orders, newest first.
pub async fn list_user_orders((orders, cursors): &(Orders, Cursors), request: &Request) -> Reply {
    let user_id: UserId = request.id("user_id", "user")?;
    list(orders, cursors, request, Some(user_id), None, request.limit()?).await
}

async fn list(
    orders: &Orders,
    cursors: &Cursors,
    request: &Request,
    whose: Option<UserId>,
    status: Option<Status>,
    limit: usize,
) -> Reply {
    let scope = format!("GET /orders {whose:?} {status:?}");
    let after = request.query("cursor").map(|cursor| cursors.open(&scope, &cursor)).transpose()?;
    let (page, more) = match whose {
        Some(user_id) => orders.of_user(user_id, after, limit).await?,
        None => orders.of_all(status, after, limit).await?,
    };
    let next_cursor = page.last().filter(|_| more).map(|last| cursors.seal(&scope, &last.id.to_string()));
    http::ok(&ListAnswer { items: page.iter().map(OrderAnswer::from).collect(), next_cursor })
}

/// How the document tells of them.
pub(super) fn operations() -> [Operation; 2] {
    let page = || json!({ "items": [example("pending")], "next_cursor": null });
    let own = Operation::new("GET /api/v1/orders", "listOrders", "The caller's own orders, newest first")
        .describe("An administrator gets everybody's; filters are for administrators, and only one of them at a time. A customer's own are up to \
             date to the last write, and so are one user's. The list of everybody's is read from an index that follows each change by some \
             milliseconds, at times a second.")
        .query::<Status>("status", "Only those in this state.", "pending")
        .query::<UserId>("user_id", "Only this user's.", "01930000-0000-7001-8000-000000000001")
        .list()
        .ok::<ListAnswer<'_>>("A page of orders.", page())
        .refuses(not_yours())
        .refuses(unsupported_filter());
    let of_user =
        Operation::new("GET /api/v1/users/{user_id}/orders", "listUserOrders", "A user's orders, newest first")
            .list()
            .ok::<ListAnswer<'_>>("A page of orders.", page());
    [own, of_user]
}

fn not_yours() -> Problem {
    Problem::new(403, "forbidden", "Only an administrator reads the orders of somebody else.")
}

fn unsupported_filter() -> Problem {
    Problem::new(422, "unsupported_filter", "`status` is a filter of all orders, for administrators.")
}
