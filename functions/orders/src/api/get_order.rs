use std::str::FromStr;

use kernel::{Invalid, OrderId, Timestamp};
use lambda::{
    http::{self, ApiRequest, Reply, Request},
    openapi::Operation,
    policy::{Access, Route},
    problem::Problem,
};

use super::response::{OrderResponse, example};
use crate::Orders;

/// How many events a timeline has at most. The endpoint `events` returns all.
const TIMELINE: usize = 100;

pub(crate) const ROUTE: Route = Route::new("GET /api/v1/orders/{order_id}", Access::Owner);

/// `GET /orders/{order_id}`: returns the order, strongly consistent, or with `?at=` as it was at a past moment.
pub async fn get_order(orders: &Orders, request: Request) -> Reply {
    let id: OrderId = request.id("order_id", "order")?;
    let caller = request.caller()?;
    let at: Option<Timestamp> = request.parsed_query("at")?;
    let expand: Option<Expand> = request.parsed_query("expand")?;
    let order = match (at, &expand) {
        (Some(_), Some(_)) => return Err(expand_with_at()),
        (Some(moment), None) => orders.find_at(caller, id, moment).await?,
        (None, _) => orders.find(caller, id).await?,
    };
    let expand = expand.unwrap_or_default();
    let payment = if expand.payment { orders.payment(&order).await? } else { None };
    let timeline = if expand.timeline { Some(orders.latest_entries(&order, TIMELINE).await?) } else { None };
    let mut response = OrderResponse::from(&order);
    response.payment = payment.as_ref().map(Into::into);
    response.timeline = timeline.as_ref().map(|entries| entries.iter().map(Into::into).collect());
    http::ok(&response)
}

/// What the response contains in addition to the order.
#[derive(Debug, Default, PartialEq, Eq)]
struct Expand {
    payment: bool,
    timeline: bool,
}

impl FromStr for Expand {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let mut expand = Self::default();
        for word in text.split(',') {
            match word {
                "payment" => expand.payment = true,
                "timeline" => expand.timeline = true,
                _ => return Err(Invalid::new("unknown_expansion", "must be payment, timeline or payment,timeline")),
            }
        }
        Ok(expand)
    }
}

lambda::field_schema!(Expand, { "type": "string", "pattern": "^(?:payment|timeline)(?:,(?:payment|timeline))*$" });

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    Operation::new(ROUTE, "getOrder", "Get an order")
        .describe(
            "The read is strongly consistent: an order can be read as soon as it has been created. `at` returns the \
             order as it was at that moment, or 404 if it was placed later.",
        )
        .query::<Timestamp>("at", "Returns the order as it was at this moment (RFC 3339).", "2026-11-21T06:30:31.500Z")
        .query::<Expand>(
            "expand",
            "Adds `payment`, the order's payment as soon as it was captured or has failed, or \
             `timeline`, the last hundred events.",
            "payment,timeline",
        )
        .ok::<OrderResponse<'_>>("The order.", example("delivered"))
        .refuses(expand_with_at())
}

fn expand_with_at() -> Problem {
    Problem::new(422, "unsupported_filter", "`expand` cannot be combined with `at`.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expansions_are_parsed() {
        let read = |text: &str| text.parse::<Expand>();
        assert_eq!(read("payment"), Ok(Expand { payment: true, timeline: false }));
        assert_eq!(read("timeline,payment"), Ok(Expand { payment: true, timeline: true }));
        for wrong in ["", "items", "payment,", "payment, timeline", "Payment"] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}
