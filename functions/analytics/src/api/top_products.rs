use std::str::FromStr;

use kernel::{Currency, Invalid, ProductId};
use lambda::{
    http::{self, ApiRequest, Reply, Request},
    openapi::Operation,
    policy::{Access, Route},
    problem::Problem,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::{examples::usd, period};
use crate::rollups::{Amount, Ranking, Rollups, Sales, amounts, calendar::Day};

/// The figure by which products are ranked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ProductRanking")]
enum RankBy {
    /// By the number of pieces. Ties are ranked by value, then by name.
    #[default]
    Quantity,
    /// By the value in `currency`. Ties are ranked by the number of pieces, then by name.
    Value,
}

impl FromStr for RankBy {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "quantity" => Ok(Self::Quantity),
            "value" => Ok(Self::Value),
            _ => Err(Invalid::new("unknown_ranking", "must be one of quantity, value")),
        }
    }
}

/// The schema of the limit that [`Request::limit`] reads.
struct Limit;

lambda::field_schema!(Limit, { "type": "integer", "minimum": 1, "maximum": 100, "default": 20 });

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TopProducts")]
struct ReportResponse<'a> {
    /// The time zone of the days.
    time_zone: &'a str,
    from: Day,
    to: Day,
    by: RankBy,
    /// The products, the highest rank first.
    items: Vec<ProductResponse>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SalesOfProduct")]
struct ProductResponse {
    product_id: ProductId,
    /// The name of the product when it was last sold in the period. Of several names on that day, it is the last in
    /// alphabetical order.
    name: String,
    /// The number of pieces that were sold.
    quantity: i64,
    /// The number of orders with this product.
    orders: i64,
    /// The value of the pieces, by currency.
    value: Vec<Amount>,
}

impl From<(ProductId, Sales)> for ProductResponse {
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

pub(crate) const ROUTE: Route = Route::new("GET /api/v1/analytics/products/top", Access::Admin);

/// `GET /analytics/products/top`: returns the products that sold best.
pub async fn top_products(rollups: &Rollups, request: Request) -> Reply {
    let days = period::days(&request, rollups.zone().day_of(request.now()))?;
    let limit = request.limit()?;
    let by = request.parsed_query("by")?.unwrap_or_default();
    let ranking = match (by, request.parsed_query("currency")?) {
        (RankBy::Quantity, None) => Ranking::Quantity,
        (RankBy::Quantity, Some(_)) => return Err(unsupported_filter()),
        (RankBy::Value, currency) => Ranking::Value(currency.unwrap_or(Currency::Usd)),
    };
    let (from, to) = days.clone().into_inner();
    let items = rollups.top_products(days, ranking, limit).await?.into_iter().map(ProductResponse::from).collect();
    http::ok(&ReportResponse { time_zone: rollups.zone().name(), from, to, by, items })
}

/// Describes the endpoint in the OpenAPI document.
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
    let operation = Operation::new(ROUTE, "getTopProducts", "List the best-selling products").describe(
        "A product counts as sold on the day its order was paid, even if the order is cancelled later. The money \
         that went back is in the monthly revenue, as `refunded`.",
    );
    period::day_parameters(operation)
        .query::<RankBy>("by", "The figure by which the products are ranked.", "quantity")
        .query::<Currency>("currency", "The currency of `by=value`. The default is USD.", "USD")
        .query::<Limit>("limit", "The maximum number of products.", "20")
        .ok::<ReportResponse<'_>>("The best-selling products.", example)
        .refuses(unsupported_filter())
}

fn unsupported_filter() -> Problem {
    Problem::new(422, "unsupported_filter", "`currency` can only be used with `by=value`.")
}
