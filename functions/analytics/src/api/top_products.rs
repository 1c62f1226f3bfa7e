use std::str::FromStr;

use kernel::{Currency, Invalid, ProductId};
use lambda::{
    http::{self, Reply, Request},
    openapi::Operation,
    problem::Problem,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::json;

use super::{period, usd};
use crate::rollups::{Amount, Ranking, Rollups, Sales, amounts, calendar::Day};

/// By what the products are ranked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ProductRanking")]
enum By {
    /// By pieces; of as many the one that brought more, then by name.
    #[default]
    Quantity,
    /// By what they brought in `currency`, then by pieces, then by name.
    Value,
}

impl FromStr for By {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "quantity" => Ok(Self::Quantity),
            "value" => Ok(Self::Value),
            _ => Err(Invalid::new("unknown_ranking", "must be one of quantity, value")),
        }
    }
}

/// As [`Request::limit`] takes it.
struct Limit;

impl JsonSchema for Limit {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Limit".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 1, "maximum": 100, "default": 20 })
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TopProducts")]
struct ReportAnswer<'a> {
    /// Where the days begin and end.
    time_zone: &'a str,
    from: Day,
    to: Day,
    by: By,
    /// The products, the first first.
    items: Vec<ProductAnswer>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SalesOfProduct")]
struct ProductAnswer {
    product_id: ProductId,
    /// What it was called in the last order of the period that was paid.
    name: String,
    /// How many pieces were sold.
    quantity: i64,
    /// In how many orders.
    orders: i64,
    /// For how much, by currency.
    value: Vec<Amount>,
}

impl From<(ProductId, Sales)> for ProductAnswer {
    fn from((product_id, sales): (ProductId, Sales)) -> Self {
        let Sales { figures, name, .. } = sales;
        Self {
            product_id,
            name,
            quantity: figures.count("quantity"),
            orders: figures.count("orders"),
            value: amounts(figures.money("value")),
        }
    }
}

/// `GET /analytics/products/top`: what was sold most.
pub async fn top_products(rollups: &Rollups, request: &Request) -> Reply {
    let days = period::days(request, rollups.zone().day_of(request.now))?;
    let limit = request.limit()?;
    let by = request.parsed_query("by")?.unwrap_or_default();
    let ranking = match (by, request.parsed_query("currency")?) {
        (By::Quantity, None) => Ranking::Quantity,
        (By::Quantity, Some(_)) => return Err(unsupported_filter()),
        (By::Value, currency) => Ranking::Value(currency.unwrap_or(Currency::Usd)),
    };
    let (from, to) = days.clone().into_inner();
    let items = rollups.top_products(days, ranking, limit).await?.into_iter().map(ProductAnswer::from).collect();
    http::ok(&ReportAnswer { time_zone: rollups.zone().name(), from, to, by, items })
}

/// How the document tells of it.
pub(super) fn operation() -> Operation {
    let product = json!({
        "product_id": "01930000-0000-7002-8000-000000000003",
        "name": "Mechanical Keyboard",
        "quantity": 12,
        "orders": 9,
        "value": usd("1558.80"),
    });
    let example =
        json!({ "time_zone": "UTC", "from": "2026-11-01", "to": "2026-11-21", "by": "quantity", "items": [product] });
    let operation = Operation::new("GET /api/v1/analytics/products/top", "getTopProducts", "What was sold most").describe(
        "A product counts as sold on the day its order was paid, and stays so if that is cancelled later: `refunded` of the revenue tells \
         of the money.",
    );
    period::of_days(operation)
        .query::<By>("by", "By what they are ranked.", "quantity")
        .query::<Currency>("currency", "With `by=value`: in which currency; USD if none is named.", "USD")
        .query::<Limit>("limit", "How many products at most.", "20")
        .ok::<ReportAnswer<'_>>("The products.", example)
        .refuses(unsupported_filter())
}

fn unsupported_filter() -> Problem {
    Problem::new(422, "unsupported_filter", "`currency` goes with `by=value`.")
}
