//! Counting, without a table: what a fact adds, and what many come to. The order of facts makes no difference.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{Currency, Money, ProductId};

use super::facts::{Fact, SoldLine};

/// Numbers by name, such as `orders` or, in minor units, `value_USD`; one that is missing is zero.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures(BTreeMap<String, i64>);

impl Figures {
    /// The number `name`.
    pub fn count(&self, name: &str) -> i64 {
        self.0.get(name).copied().unwrap_or_default()
    }

    /// The amount `what` in minor units of one currency.
    pub fn minor(&self, what: &str, currency: Currency) -> i64 {
        self.count(&format!("{what}_{currency}"))
    }

    /// The amounts `what`, of each currency in which there is one.
    pub fn money(&self, what: &str) -> Vec<Money> {
        in_each_currency(|currency| self.minor(what, currency))
    }

    /// Adds to the number `name`.
    pub fn raise(&mut self, name: impl Into<String>, by: i64) {
        if by != 0 {
            let number = self.0.entry(name.into()).or_default();
            *number = number.saturating_add(by);
        }
    }

    /// Adds all of `other`.
    pub fn plus(&mut self, other: &Self) {
        other.iter().for_each(|(name, by)| self.raise(name, by));
    }

    /// All of them, none zero.
    pub fn iter(&self) -> impl Iterator<Item = (&str, i64)> {
        self.0.iter().map(|(name, number)| (name.as_str(), *number))
    }

    fn raise_money(&mut self, what: &str, amount: Money) {
        self.raise(format!("{what}_{}", amount.currency()), amount.minor());
    }
}

impl FromIterator<(String, i64)> for Figures {
    fn from_iter<T: IntoIterator<Item = (String, i64)>>(numbers: T) -> Self {
        let mut figures = Self::default();
        numbers.into_iter().for_each(|(name, number)| figures.raise(name, number));
        figures
    }
}

/// The amounts of `minor` that are not zero.
pub fn in_each_currency(minor: impl Fn(Currency) -> i64) -> Vec<Money> {
    let amounts = Currency::ALL.into_iter().map(|currency| Money::from_minor(minor(currency), currency));
    amounts.filter(|amount| amount.minor() != 0).collect()
}

/// Of what a rollup is, within its day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Of {
    /// The whole shop.
    Shop,
    /// One product.
    Product(ProductId),
}

/// What was counted of one thing on one day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rollup {
    /// The numbers; `events` is how many entries of the log are in them.
    pub figures: Figures,
    /// What the product was called: a set, so that the order in which they are heard makes no difference.
    pub names: BTreeSet<String>,
}

/// The rollups of one day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally(BTreeMap<Of, Rollup>);

impl Tally {
    /// What one fact adds.
    pub fn of(fact: &Fact) -> Self {
        let mut tally = Self::default();
        match fact {
            Fact::Placed { items, value } => {
                let shop = tally.of_shop();
                shop.raise("orders", 1);
                shop.raise("items", *items);
                shop.raise_money("value", *value);
            }
            Fact::Sold { lines } => {
                tally.of_shop().raise("paid", 1);
                tally.sell(lines);
            }
            Fact::SoldToo { lines } => tally.sell(lines),
            Fact::Cancelled => tally.of_shop().raise("cancelled", 1),
            Fact::Captured { amount } => tally.of_shop().raise_money("gross", *amount),
            Fact::Refunded { amount } => tally.of_shop().raise_money("refunded", *amount),
            Fact::Registered => tally.of_shop().raise("registered", 1),
            Fact::Deleted => tally.of_shop().raise("deleted", 1),
        }
        tally.0.values_mut().for_each(|rollup| rollup.figures.raise("events", 1));
        tally
    }

    /// What all of `facts` come to.
    pub fn fold<'a>(facts: impl IntoIterator<Item = &'a Fact>) -> Self {
        let mut sum = Self::default();
        facts.into_iter().for_each(|fact| sum.plus(&Self::of(fact)));
        sum
    }

    /// Adds all of `other`.
    pub fn plus(&mut self, other: &Self) {
        for (of, rollup) in &other.0 {
            let sum = self.0.entry(*of).or_default();
            sum.figures.plus(&rollup.figures);
            sum.names.extend(rollup.names.iter().cloned());
        }
    }

    /// The rollup of one thing, if there is one.
    pub fn get(&self, of: Of) -> Option<&Rollup> {
        self.0.get(&of)
    }

    /// All rollups.
    pub fn iter(&self) -> impl Iterator<Item = (Of, &Rollup)> {
        self.0.iter().map(|(of, rollup)| (*of, rollup))
    }

    fn of_shop(&mut self) -> &mut Figures {
        &mut self.0.entry(Of::Shop).or_default().figures
    }

    fn sell(&mut self, lines: &[SoldLine]) {
        for line in lines {
            let Rollup { figures, names } = self.0.entry(Of::Product(line.product_id)).or_default();
            figures.raise("quantity", line.quantity);
            figures.raise_money("value", line.value);
            names.insert(line.name.clone());
        }
        for (of, rollup) in &mut self.0 {
            if matches!(of, Of::Product(_)) {
                rollup.figures.raise("orders", 1);
            }
        }
    }
}
