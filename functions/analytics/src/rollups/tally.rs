//! Counting without a table: what one fact adds, and the sum of many. The order of the facts makes no difference.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{Currency, Money, ProductId};

use super::facts::{Fact, SoldLine};

/// Figures by name, such as `orders` or, in minor units, `value_USD`. A missing figure is zero.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures(BTreeMap<String, i64>);

impl Figures {
    /// Returns the figure `name`.
    pub fn count(&self, name: &str) -> i64 {
        self.0.get(name).copied().unwrap_or_default()
    }

    /// Returns the amount `name` in minor units of one currency.
    pub fn minor_units(&self, name: &str, currency: Currency) -> i64 {
        self.count(&format!("{name}_{currency}"))
    }

    /// Returns the amounts `name` in all currencies in which they are not zero.
    pub fn money(&self, name: &str) -> Vec<Money> {
        nonzero_amounts(|currency| self.minor_units(name, currency))
    }

    /// Adds to the figure `name`.
    pub fn increment(&mut self, name: impl Into<String>, by: i64) {
        if by != 0 {
            let figure = self.0.entry(name.into()).or_default();
            *figure = figure.saturating_add(by);
        }
    }

    /// Adds all figures of `other`.
    pub fn merge(&mut self, other: &Self) {
        other.iter().for_each(|(name, by)| self.increment(name, by));
    }

    /// Iterates over the figures that are not zero.
    pub fn iter(&self) -> impl Iterator<Item = (&str, i64)> {
        self.0.iter().map(|(name, figure)| (name.as_str(), *figure))
    }

    fn increment_money(&mut self, name: &str, amount: Money) {
        self.increment(format!("{name}_{}", amount.currency()), amount.minor());
    }
}

impl FromIterator<(String, i64)> for Figures {
    fn from_iter<T: IntoIterator<Item = (String, i64)>>(numbers: T) -> Self {
        let mut figures = Self::default();
        numbers.into_iter().for_each(|(name, number)| figures.increment(name, number));
        figures
    }
}

/// Returns the amounts in all currencies in which `minor_units` is not zero.
pub fn nonzero_amounts(minor_units: impl Fn(Currency) -> i64) -> Vec<Money> {
    let amounts = Currency::ALL.into_iter().map(|currency| Money::from_minor(minor_units(currency), currency));
    amounts.filter(|amount| amount.minor() != 0).collect()
}

/// What a rollup of a day is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// The whole shop.
    Shop,
    /// One product.
    Product(ProductId),
}

/// The figures of one scope on one day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rollup {
    /// The figures; `events` is the number of log entries in them.
    pub figures: Figures,
    /// The names of the product: a set, so that the order of the events makes no difference.
    pub names: BTreeSet<String>,
}

/// The rollups of one day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally(BTreeMap<Scope, Rollup>);

impl Tally {
    /// Returns what one fact adds.
    pub fn of(fact: &Fact) -> Self {
        let mut tally = Self::default();
        match fact {
            Fact::Placed { items, value } => {
                let shop = tally.shop();
                shop.increment("orders", 1);
                shop.increment("items", *items);
                shop.increment_money("value", *value);
            }
            Fact::Sold { lines } => {
                tally.shop().increment("paid", 1);
                tally.add_sales(lines);
            }
            Fact::SoldContinued { lines } => tally.add_sales(lines),
            Fact::Cancelled => tally.shop().increment("cancelled", 1),
            Fact::Captured { amount } => tally.shop().increment_money("gross", *amount),
            Fact::Refunded { amount } => tally.shop().increment_money("refunded", *amount),
            Fact::Registered => tally.shop().increment("registered", 1),
            Fact::Deleted => tally.shop().increment("deleted", 1),
        }
        tally.0.values_mut().for_each(|rollup| rollup.figures.increment("events", 1));
        tally
    }

    /// Returns the sum of what all `facts` add.
    pub fn fold<'a>(facts: impl IntoIterator<Item = &'a Fact>) -> Self {
        let mut sum = Self::default();
        facts.into_iter().for_each(|fact| sum.merge(&Self::of(fact)));
        sum
    }

    /// Adds all rollups of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (scope, rollup) in &other.0 {
            let sum = self.0.entry(*scope).or_default();
            sum.figures.merge(&rollup.figures);
            sum.names.extend(rollup.names.iter().cloned());
        }
    }

    /// Returns the rollup of one scope, if there is one.
    pub fn get(&self, scope: Scope) -> Option<&Rollup> {
        self.0.get(&scope)
    }

    /// Iterates over all rollups.
    pub fn iter(&self) -> impl Iterator<Item = (Scope, &Rollup)> {
        self.0.iter().map(|(scope, rollup)| (*scope, rollup))
    }

    fn shop(&mut self) -> &mut Figures {
        &mut self.0.entry(Scope::Shop).or_default().figures
    }

    fn add_sales(&mut self, lines: &[SoldLine]) {
        for line in lines {
            let Rollup { figures, names } = self.0.entry(Scope::Product(line.product_id)).or_default();
            figures.increment("quantity", line.quantity);
            figures.increment_money("value", line.value);
            names.insert(line.name.clone());
        }
        for (scope, rollup) in &mut self.0 {
            if matches!(scope, Scope::Product(_)) {
                rollup.figures.increment("orders", 1);
            }
        }
    }
}
