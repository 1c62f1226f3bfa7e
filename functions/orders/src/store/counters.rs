//! Counters of the orders in each status and of their totals, which are updated in the transaction of the order.
//!
//! Pending orders are counted in the index when the counters are read: there are never many, and placing an order then
//! has one item less to write.

use std::collections::BTreeMap;

use dynamo::{StoreError, Table, Write, count};
use kernel::{Currency, Money};
use strum::VariantArray;

use crate::domain::{Order, Status};

/// A number of orders, and their total.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// The number of orders.
    pub orders: i64,
    /// Their totals in minor units, for each currency.
    minor: [i64; Currency::ALL.len()],
}

/// Returns the update of the counters for an order that had the status `previous`, or `None` if that has not changed or
/// the order is pending.
pub fn write(previous: Option<Status>, order: &Order) -> Option<Write> {
    if previous == Some(order.status) || order.status == Status::Pending {
        return None;
    }
    let left = previous.filter(|status| *status != Status::Pending);
    let changes = left.map(|status| (status, -1)).into_iter().chain([(order.status, 1)]);
    let adds = changes.flat_map(|(status, sign)| {
        let money = (format!("{status}_{}", order.total.currency()), sign * order.total.minor());
        [(format!("{status}_orders"), sign), money]
    });
    count(order.id, adds)
}

/// Reads all counters. They do not include pending orders.
pub async fn read(table: &Table) -> Result<BTreeMap<Status, Count>, StoreError> {
    let counters = table.counters().await?;
    let of = |status: Status, what: &str| counters.get(&format!("{status}_{what}")).copied().unwrap_or_default();
    let count = |status| Count {
        orders: of(status, "orders"),
        minor: Currency::ALL.map(|currency| of(status, &currency.to_string())),
    };
    Ok(Status::VARIANTS.iter().copied().map(|status| (status, count(status))).collect())
}

impl Count {
    /// Returns the totals of the currencies that have one.
    pub fn totals(&self) -> impl Iterator<Item = Money> + '_ {
        let totals = Currency::ALL.into_iter().zip(self.minor);
        totals.filter(|(_, minor)| *minor != 0).map(|(currency, minor)| Money::from_minor(minor, currency))
    }

    /// Counts one order.
    pub fn one(order: &Order) -> Self {
        let minor =
            Currency::ALL.map(|currency| if currency == order.total.currency() { order.total.minor() } else { 0 });
        Self { orders: 1, minor }
    }

    /// Adds another count.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let minor = std::array::from_fn(|index| self.minor[index] + other.minor[index]);
        Self { orders: self.orders + other.orders, minor }
    }
}
