//! Figures of the shop, counted once per event.
//!
//! Events are counted in one transaction: of each an entry in a log of its own, if it is not there, and what they add to the rollups of their day
//! ([`store`] has the layout). What an event adds is pure ([`tally`]), so that the rollups can be made anew from the log ([`rebuild()`]).

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
    facts::Counted,
    store::Store,
};
pub use rebuild::{Rebuild, Rebuilt, rebuild};
pub use store::SHARDS;
pub use tally::Figures;

/// The rollups, over the context's table.
pub struct Rollups {
    store: Store,
    zone: Zone,
}

/// An amount of one currency, as people read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "ReportAmount")]
pub struct Amount {
    currency: Currency,
    #[schemars(schema_with = "kernel::decimal_schema")]
    amount: String,
}

/// The figures of the day that it is, for who follows them live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Today {
    /// The day in the shop's time zone: `2026-11-21`.
    pub day: String,
    /// How many orders were placed.
    pub orders: i64,
    /// How many pieces are in them.
    pub items: i64,
    /// What they cost, by currency.
    pub value: Vec<Amount>,
    /// How many orders were cancelled, whenever they were placed.
    pub cancelled: i64,
    /// How many orders were paid.
    pub paid: i64,
    /// The money that came, by currency.
    pub gross: Vec<Amount>,
    /// The money that went back, by currency.
    pub refunded: Vec<Amount>,
    /// How many accounts were made.
    pub registered: i64,
}

/// How many users there are at the end of a day, and how that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Growth {
    /// The day.
    pub day: Day,
    /// How many accounts were made.
    pub registered: i64,
    /// How many were deleted.
    pub deleted: i64,
    /// How many there are at its end.
    pub total: i64,
}

/// What was sold of a product.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sales {
    /// `orders`, `quantity` and `value`.
    pub figures: Figures,
    /// What it was called on the last of the days; of several names that day, the last by the alphabet.
    pub name: String,
    named_on: Option<Day>,
}

/// By what products are ranked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ranking {
    /// By pieces; where those are the same by value, in the order of currencies, then by name.
    Quantity,
    /// By what they brought in one currency, then by pieces, then by name; only what was sold in it.
    Value(Currency),
}

impl Rollups {
    /// Over the context's table, with days of UTC.
    pub fn new(table: Table) -> Self {
        Self { store: Store::new(table), zone: Zone::utc() }
    }

    /// With the days of another zone.
    #[must_use]
    pub fn in_zone(self, zone: Zone) -> Self {
        Self { zone, ..self }
    }

    /// The shop's time zone.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// Counts events, each if it is one that is counted and was not before; how many entries of the log are new.
    ///
    /// # Errors
    /// When the table does not answer; all of them may be counted again.
    pub async fn count(&self, events: &[Counted]) -> Result<usize, StoreError> {
        self.store.count(events, &self.zone).await
    }

    /// The figures of the day that it is at `now`.
    ///
    /// # Errors
    /// When the table does not answer.
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

    /// Each of these days; those without events are zeros.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn days(&self, days: RangeInclusive<Day>) -> Result<Vec<(Day, Figures)>, StoreError> {
        let mut counted = self.store.days(Some(*days.start()), *days.end()).await?;
        Ok(each(days).map(|day| (day, counted.remove(&day).unwrap_or_default())).collect())
    }

    /// Each of these months; those without events are zeros.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn months(&self, months: RangeInclusive<Month>) -> Result<Vec<(Month, Figures)>, StoreError> {
        let counted = self.store.days(Some(months.start().first()), months.end().last()).await?;
        let mut sums: BTreeMap<Month, Figures> = each(months).map(|month| (month, Figures::default())).collect();
        for (day, figures) in counted {
            sums.entry(day.month()).or_default().plus(&figures);
        }
        Ok(sums.into_iter().collect())
    }

    /// How the users became more or fewer on each of these days, and how many there were then.
    ///
    /// # Errors
    /// When the table does not answer.
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
        Ok(each(days).map(growth).collect())
    }

    /// The `limit` products that sold most in a period, the first first.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn top_products(
        &self,
        days: RangeInclusive<Day>,
        ranking: Ranking,
        limit: usize,
    ) -> Result<Vec<(ProductId, Sales)>, StoreError> {
        let mut sold: BTreeMap<ProductId, Sales> = BTreeMap::new();
        let add = |day, id, rollup| sold.entry(id).or_default().plus(day, rollup);
        self.store.products(*days.start(), *days.end(), add).await?;
        let mut ranked: Vec<(ProductId, Sales)> = sold.into_iter().filter(|(_, sales)| ranking.has(sales)).collect();
        ranked.sort_by_cached_key(|(id, sales)| (ranking.rank(sales).map(std::cmp::Reverse), sales.name.clone(), *id));
        ranked.truncate(limit);
        Ok(ranked)
    }
}

/// Amounts, as people read them.
pub fn amounts(money: Vec<Money>) -> Vec<Amount> {
    let amount = |money: Money| Amount { currency: money.currency(), amount: money.to_decimal() };
    money.into_iter().map(amount).collect()
}

fn each<U: Unit>(units: RangeInclusive<U>) -> impl Iterator<Item = U> {
    let (from, to) = units.into_inner();
    (0..=from.until(to)).map(move |count| from.plus(count))
}

impl Sales {
    fn plus(&mut self, day: Day, rollup: tally::Rollup) {
        self.figures.plus(&rollup.figures);
        // Shards are read in any order.
        if let Some(name) = rollup.names.into_iter().next_back()
            && (self.named_on, &self.name) < (Some(day), &name)
        {
            (self.named_on, self.name) = (Some(day), name);
        }
    }
}

impl Ranking {
    fn has(self, sales: &Sales) -> bool {
        match self {
            Self::Quantity => true,
            Self::Value(currency) => sales.figures.minor("value", currency) != 0,
        }
    }

    /// What is larger comes first.
    fn rank(self, sales: &Sales) -> [i64; 1 + Currency::ALL.len()] {
        let Sales { figures, .. } = sales;
        let quantity = figures.count("quantity");
        match self {
            Self::Quantity => {
                let [usd, eur, gbp] = Currency::ALL.map(|currency| figures.minor("value", currency));
                [quantity, usd, eur, gbp]
            }
            Self::Value(currency) => [figures.minor("value", currency), quantity, 0, 0],
        }
    }
}

#[cfg(test)]
mod tests;
