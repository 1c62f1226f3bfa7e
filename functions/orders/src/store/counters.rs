//! How many orders there are in each state, and of how much money: counted in the transaction of the order itself.
//!
//! Those that are pending are counted when they are asked for, in the index: there are never many, and an order that is placed has one item
//! less to write.

use std::collections::BTreeMap;

use dynamo::{StoreError, Table, Write, count};
use kernel::{Currency, Money};

use crate::domain::{Order, Status};

/// So many orders, and what they cost together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// How many.
    pub orders: i64,
    /// Their totals in minor units, in each of the currencies.
    minor: [i64; Currency::ALL.len()],
}

/// What the counters say of an order that has become what it is and was `before`; nothing, if that is the same or it is pending.
pub fn write(before: Option<Status>, order: &Order) -> Option<Write> {
    if before == Some(order.status) || order.status == Status::Pending {
        return None;
    }
    let left = before.filter(|status| *status != Status::Pending);
    let changes = left.map(|status| (status, -1)).into_iter().chain([(order.status, 1)]);
    let adds = changes.flat_map(|(status, sign)| {
        let money = (format!("{status}_{}", order.total.currency()), sign * order.total.minor());
        [(format!("{status}_orders"), sign), money]
    });
    count(order.id, adds)
}

/// All counters together; nothing of those that are pending.
pub async fn read(table: &Table) -> Result<BTreeMap<Status, Count>, StoreError> {
    let counters = table.counters().await?;
    let of = |status: Status, what: &str| counters.get(&format!("{status}_{what}")).copied().unwrap_or_default();
    let count = |status| Count {
        orders: of(status, "orders"),
        minor: Currency::ALL.map(|currency| of(status, &currency.to_string())),
    };
    Ok(Status::ALL.into_iter().map(|status| (status, count(status))).collect())
}

impl Count {
    /// The totals, of each currency in which there is one.
    pub fn totals(&self) -> impl Iterator<Item = Money> + '_ {
        let totals = Currency::ALL.into_iter().zip(self.minor);
        totals.filter(|(_, minor)| *minor != 0).map(|(currency, minor)| Money::from_minor(minor, currency))
    }

    /// One order.
    pub fn one(order: &Order) -> Self {
        let minor =
            Currency::ALL.map(|currency| if currency == order.total.currency() { order.total.minor() } else { 0 });
        Self { orders: 1, minor }
    }

    /// As many as in both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let minor = std::array::from_fn(|index| self.minor[index] + other.minor[index]);
        Self { orders: self.orders + other.orders, minor }
    }
}
