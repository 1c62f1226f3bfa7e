use lambda::{
    http::{self, ApiRequest, Reply, Request},
    openapi::Operation,
    policy::{Access, Route},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::{examples::usd, period};
use crate::rollups::{Amount, Figures, Rollups, amounts, calendar::Month, tally::nonzero_amounts};

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "MonthlyRevenue")]
struct ReportResponse<'a> {
    /// The time zone of the months.
    time_zone: &'a str,
    from: Month,
    to: Month,
    /// One entry for each month, the earliest first.
    items: Vec<MonthResponse>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RevenueOfMonth")]
struct MonthResponse {
    month: Month,
    /// The amounts captured in this month, by currency.
    gross: Vec<Amount>,
    /// The amounts refunded in this month, whenever they were captured, by currency.
    refunded: Vec<Amount>,
    /// `gross` minus `refunded`, by currency. It may be negative.
    net: Vec<Amount>,
}

impl MonthResponse {
    fn new(month: Month, figures: &Figures) -> Self {
        let net = |currency| figures.minor_units("gross", currency) - figures.minor_units("refunded", currency);
        Self {
            month,
            gross: amounts(figures.money("gross")),
            refunded: amounts(figures.money("refunded")),
            net: amounts(nonzero_amounts(net)),
        }
    }
}

pub(crate) const ROUTE: Route = Route::new("GET /api/v1/analytics/revenue/monthly", Access::Admin);

/// `GET /analytics/revenue/monthly`: returns the captured and refunded amounts of each month.
pub async fn monthly_revenue(rollups: &Rollups, request: Request) -> Reply {
    let months = period::months(&request, rollups.zone().day_of(request.now()).month())?;
    let (from, to) = months.clone().into_inner();
    let items = rollups.months(months).await?;
    let items = items.iter().map(|(month, figures)| MonthResponse::new(*month, figures)).collect();
    http::ok(&ReportResponse { time_zone: rollups.zone().name(), from, to, items })
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    let month = json!({
        "month": "2026-11", "gross": usd("1299.80"), "refunded": usd("99.80"), "net": usd("1200.00"),
    });
    let example = json!({ "time_zone": "UTC", "from": "2026-11", "to": "2026-11", "items": [month] });
    let operation = Operation::new(ROUTE, "getMonthlyRevenue", "Get the revenue of each month").describe(
        "A payment counts in the month in which it was captured, a refund in the month in which it was made. \
                 Months without either are included, with empty lists.",
    );
    period::month_parameters(operation).ok::<ReportResponse<'_>>("The revenue of each month.", example)
}
