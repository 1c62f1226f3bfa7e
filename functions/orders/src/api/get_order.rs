use std::{borrow::Cow, str::FromStr};

use kernel::{Invalid, OrderId, Timestamp};
use lambda::{
    http::{self, Reply, Request},
    openapi::Operation,
    problem::Problem,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::answer::{OrderAnswer, example};
use crate::Orders;

/// How much of an order's history comes with it; all of it is at its `events`.
const TIMELINE: usize = 100;

/// `GET /orders/{order_id}`: the order as it stands, up to date to the last write; or as it stood `?at=` a moment.
pub async fn get_order(orders: &Orders, request: &Request) -> Reply {
    let id: OrderId = request.id("order_id", "order")?;
    let caller = request.caller()?;
    let at: Option<Timestamp> = request.parsed_query("at")?;
    let expand: Option<Expand> = request.parsed_query("expand")?;
    let order = match (at, &expand) {
        (Some(_), Some(_)) => return Err(not_of_the_past()),
        (Some(moment), None) => orders.find_at(caller, id, moment).await?,
        (None, _) => orders.find(caller, id).await?,
    };
    let expand = expand.unwrap_or_default();
    let payment = if expand.payment { orders.payment(&order).await? } else { None };
    let timeline = if expand.timeline { Some(orders.latest(&order, TIMELINE).await?) } else { None };
    let mut answer = OrderAnswer::from(&order);
    answer.payment = payment.as_ref().map(Into::into);
    answer.timeline = timeline.as_ref().map(|entries| entries.iter().map(Into::into).collect());
    http::ok(&answer)
}

/// What is to come with an order.
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
                _ => return Err(Invalid::new("unknown_expansion", "must be payment, timeline, or both with a comma")),
            }
        }
        Ok(expand)
    }
}

impl JsonSchema for Expand {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Expand".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^(?:payment|timeline)(?:,(?:payment|timeline))*$" })
    }
}

/// How the document tells of it.
pub(super) fn operation() -> Operation {
    Operation::new("GET /api/v1/orders/{order_id}", "getOrder", "One order")
        .describe(
            "Up to date to the last write, right after the 201 too. `at` gives the order as it stood at that moment; before it was placed, \
             there was none.",
        )
        .query::<Timestamp>("at", "As it stood at this moment (RFC 3339).", "2026-11-21T06:30:31.500Z")
        .query::<Expand>(
            "expand",
            "What is to come with it: `payment`, what was heard of its payment, if anything was; `timeline`, its last hundred events.",
            "payment,timeline",
        )
        .ok::<OrderAnswer<'_>>("The order.", example("delivered"))
        .refuses(not_of_the_past())
}

fn not_of_the_past() -> Problem {
    Problem::new(422, "unsupported_filter", "`expand` is of the present: it does not go together with `at`.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_come_is_named() {
        let read = |text: &str| text.parse::<Expand>();
        assert_eq!(read("payment"), Ok(Expand { payment: true, timeline: false }));
        assert_eq!(read("timeline,payment"), Ok(Expand { payment: true, timeline: true }));
        for wrong in ["", "items", "payment,", "payment, timeline", "Payment"] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}
