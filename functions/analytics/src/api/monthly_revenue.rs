use lambda::{
    http::{self, Reply, Request},
    openapi::Operation,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::{period, usd};
use crate::rollups::{Amount, Figures, Rollups, amounts, calendar::Month, tally::in_each_currency};

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "MonthlyRevenue")]
struct ReportAnswer<'a> {
    /// Where the months begin and end.
    time_zone: &'a str,
    from: Month,
    to: Month,
    /// Each month, the earliest first.
    items: Vec<MonthAnswer>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RevenueOfMonth")]
struct MonthAnswer {
    month: Month,
    /// The money that came in that month, by currency.
    gross: Vec<Amount>,
    /// The money that went back in that month, whenever it came.
    refunded: Vec<Amount>,
    /// The first less the second; it may be negative.
    net: Vec<Amount>,
}

impl MonthAnswer {
    fn new(month: Month, figures: &Figures) -> Self {
        let net = |currency| figures.minor("gross", currency) - figures.minor("refunded", currency);
        Self {
            month,
            gross: amounts(figures.money("gross")),
            refunded: amounts(figures.money("refunded")),
            net: amounts(in_each_currency(net)),
        }
    }
}

/// `GET /analytics/revenue/monthly`: what came in and went back, month by month.
pub async fn monthly_revenue(rollups: &Rollups, request: &Request) -> Reply {
    let months = period::months(request, rollups.zone().day_of(request.now).month())?;
    let (from, to) = months.clone().into_inner();
    let items = rollups.months(months).await?;
    let items = items.iter().map(|(month, figures)| MonthAnswer::new(*month, figures)).collect();
    http::ok(&ReportAnswer { time_zone: rollups.zone().name(), from, to, items })
}

/// How the document tells of it.
pub(super) fn operation() -> Operation {
    let month = json!({
        "month": "2026-11", "gross": usd("1299.80"), "refunded": usd("99.80"), "net": usd("1200.00"),
    });
    let example = json!({ "time_zone": "UTC", "from": "2026-11", "to": "2026-11", "items": [month] });
    let operation =
        Operation::new("GET /api/v1/analytics/revenue/monthly", "getMonthlyRevenue", "What came in, month by month")
            .describe("Money counts when it was taken and when it went back, each once. Months without any are there, with empty lists.");
    period::of_months(operation).ok::<ReportAnswer<'_>>("The months.", example)
}
