//! Figures of the shop, in which each event counts once.
//!
//! One transaction writes the log entry of each event, unless it exists, and adds to the rollups of the day (`store`
//! has the layout). What an event adds is calculated without I/O ([`tally`]), so that the rollups can be rebuilt from
//! the log ([`rebuild()`]).

pub mod calendar;
pub mod facts;
mod rebuild;
mod store;
pub mod tally;

use std::{collections::BTreeMap, ops::RangeInclusive};

use dynamo::{StoreError, Table};
use kernel::{Currency, Money, ProductId, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use self::{
    calendar::{Day, Month, Unit, Zone},
    facts::CountedEvent,
    store::Store,
};
pub use rebuild::{Rebuild, Rebuilt, rebuild};
pub use store::SHARDS;
pub use tally::Figures;

/// The rollups in the context's table.
pub struct Rollups {
    store: Store,
    zone: Zone,
}

/// An amount in one currency, as a decimal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "ReportAmount")]
pub struct Amount {
    currency: Currency,
    #[schemars(schema_with = "kernel::decimal_schema")]
    amount: String,
}

/// The figures of the current day, for live updates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Today {
    /// The day in the shop's time zone, such as `2026-11-21`.
    pub day: String,
    /// The number of orders that were placed.
    pub orders: i64,
    /// The number of pieces in these orders.
    pub items: i64,
    /// The total of these orders, by currency.
    pub value: Vec<Amount>,
    /// The number of orders that were cancelled, whenever they were placed.
    pub cancelled: i64,
    /// The number of orders that were paid.
    pub paid: i64,
    /// The amounts captured, by currency.
    pub gross: Vec<Amount>,
    /// The amounts refunded, by currency.
    pub refunded: Vec<Amount>,
    /// The number of accounts that were registered.
    pub registered: i64,
}

/// The number of users at the end of a day, and how it changed on that day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Growth {
    /// The day.
    pub day: Day,
    /// The number of accounts that were registered.
    pub registered: i64,
    /// The number of accounts that were deleted.
    pub deleted: i64,
    /// The number of accounts at the end of the day.
    pub total: i64,
}

/// The sales of a product.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sales {
    /// `orders`, `quantity` and `value`.
    pub figures: Figures,
    /// The name on the last of the days; of several names on that day, the last in alphabetical order.
    pub name: String,
    named_on: Option<Day>,
}

/// The figure by which products are ranked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ranking {
    /// By the number of pieces, then by value, in the order of the currencies, then by name.
    Quantity,
    /// By the value in one currency, then by the number of pieces, then by name. Products that were not sold in this
    /// currency are left out.
    Value(Currency),
}

impl Rollups {
    /// Creates the rollups in `table`, with days in UTC.
    pub fn new(table: Table) -> Self {
        Self { store: Store::new(table), zone: Zone::utc() }
    }

    /// Uses the days of another time zone.
    #[must_use]
    pub fn in_zone(self, zone: Zone) -> Self {
        Self { zone, ..self }
    }

    /// Returns the shop's time zone.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// Counts events, unless they are counted already or add nothing. Returns the number of new log entries.
    ///
    /// # Errors
    /// If the table does not respond. All of the events can be counted again.
    pub async fn count(&self, events: &[CountedEvent]) -> Result<usize, StoreError> {
        self.store.count(events, &self.zone).await
    }

    /// Returns the figures of the current day at `now`.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn today(&self, now: Timestamp) -> Result<Today, StoreError> {
        let day = self.zone.day_of(now);
        let figures = self.store.day(day).await?;
        Ok(Today {
            day: day.to_string(),
            orders: figures.count("orders"),
            items: figures.count("items"),
            value: amounts(figures.money("value")),
            cancelled: figures.count("cancelled"),
            paid: figures.count("paid"),
            gross: amounts(figures.money("gross")),
            refunded: amounts(figures.money("refunded")),
            registered: figures.count("registered"),
        })
    }

    /// Returns the figures of each of these days, with zeros for days without events.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn days(&self, days: RangeInclusive<Day>) -> Result<Vec<(Day, Figures)>, StoreError> {
        let mut counted = self.store.days(Some(*days.start()), *days.end()).await?;
        Ok(each_unit(days).map(|day| (day, counted.remove(&day).unwrap_or_default())).collect())
    }

    /// Returns the figures of each of these months, with zeros for months without events.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn months(&self, months: RangeInclusive<Month>) -> Result<Vec<(Month, Figures)>, StoreError> {
        let counted = self.store.days(Some(months.start().first()), months.end().last()).await?;
        let mut sums: BTreeMap<Month, Figures> = each_unit(months).map(|month| (month, Figures::default())).collect();
        for (day, figures) in counted {
            sums.entry(day.month()).or_default().merge(&figures);
        }
        Ok(sums.into_iter().collect())
    }

    /// Returns the change and the total of the users on each of these days.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn growth(&self, days: RangeInclusive<Day>) -> Result<Vec<Growth>, StoreError> {
        let mut counted = self.store.days(None, *days.end()).await?;
        let shown = counted.split_off(days.start());
        let net = |figures: &Figures| figures.count("registered") - figures.count("deleted");
        let mut total = counted.values().map(net).sum();
        let growth = |day| {
            let figures = shown.get(&day).cloned().unwrap_or_default();
            total += net(&figures);
            Growth { day, registered: figures.count("registered"), deleted: figures.count("deleted"), total }
        };
        Ok(each_unit(days).map(growth).collect())
    }

    /// Returns the `limit` products of the highest rank in a period, the highest first.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn top_products(
        &self,
        days: RangeInclusive<Day>,
        ranking: Ranking,
        limit: usize,
    ) -> Result<Vec<(ProductId, Sales)>, StoreError> {
        let mut sold: BTreeMap<ProductId, Sales> = BTreeMap::new();
        let add = |day, id, rollup| sold.entry(id).or_default().merge(day, rollup);
        self.store.products(*days.start(), *days.end(), add).await?;
        let mut ranked: Vec<(ProductId, Sales)> =
            sold.into_iter().filter(|(_, sales)| ranking.includes(sales)).collect();
        ranked.sort_by_cached_key(|(id, sales)| {
            (ranking.sort_key(sales).map(std::cmp::Reverse), sales.name.clone(), *id)
        });
        ranked.truncate(limit);
        Ok(ranked)
    }
}

/// Converts amounts to decimals.
pub fn amounts(money: Vec<Money>) -> Vec<Amount> {
    let amount = |money: Money| Amount { currency: money.currency(), amount: money.to_decimal() };
    money.into_iter().map(amount).collect()
}

fn each_unit<U: Unit>(units: RangeInclusive<U>) -> impl Iterator<Item = U> {
    let (from, to) = units.into_inner();
    (0..=from.until(to)).map(move |count| from.plus(count))
}

impl Sales {
    fn merge(&mut self, day: Day, rollup: tally::Rollup) {
        self.figures.merge(&rollup.figures);
        // The shards are read in any order.
        if let Some(name) = rollup.names.into_iter().next_back()
            && (self.named_on, &self.name) < (Some(day), &name)
        {
            (self.named_on, self.name) = (Some(day), name);
        }
    }
}

impl Ranking {
    fn includes(self, sales: &Sales) -> bool {
        match self {
            Self::Quantity => true,
            Self::Value(currency) => sales.figures.minor_units("value", currency) != 0,
        }
    }

    /// Returns the key by which products are sorted in descending order.
    fn sort_key(self, sales: &Sales) -> [i64; 1 + Currency::ALL.len()] {
        let Sales { figures, .. } = sales;
        let quantity = figures.count("quantity");
        match self {
            Self::Quantity => {
                let [usd, eur, gbp] = Currency::ALL.map(|currency| figures.minor_units("value", currency));
                [quantity, usd, eur, gbp]
            }
            Self::Value(currency) => [figures.minor_units("value", currency), quantity, 0, 0],
        }
    }
}

#[cfg(test)]
mod tests;
