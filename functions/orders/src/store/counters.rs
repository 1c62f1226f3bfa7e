//! How many orders there are in each state, and of how much money: counted in the transaction of the order itself.
//!
//! DynamoDB lets one transaction at a time have an item, so the counters are spread over as many items as a byte has values, by the
//! order's id. A step of an order writes one of them, which is 2 write units.

use std::collections::BTreeMap;

use dynamo::{Item, Key, StoreError, Table, Write, number};
use kernel::{Currency, Money};

use crate::domain::{Order, Status};

const CURRENCIES: [Currency; 3] = [Currency::Usd, Currency::Eur, Currency::Gbp];

/// So many orders, and what they cost together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// How many.
    pub orders: i64,
    /// Their totals in minor units, in each of the currencies.
    minor: [i64; CURRENCIES.len()],
}

fn key(shard: u8) -> Key {
    Key::new(format!("STATS#{shard:02x}"), "STATS")
}

/// What the counters say of an order that has become what it is and was `before`; nothing, if that is the same.
pub fn write(before: Option<Status>, order: &Order) -> Option<Write> {
    if before == Some(order.status) {
        return None;
    }
    // The last bytes of an id are random; the first are its time.
    let shard = AsRef::<[u8]>::as_ref(&order.id).last().copied().unwrap_or_default();
    let (mut adds, mut values) = (Vec::new(), Vec::new());
    for (status, sign) in before.map(|status| (status, -1)).into_iter().chain([(order.status, 1)]) {
        for (what, by) in [("orders".to_owned(), 1), (order.total.currency().to_string(), order.total.minor())] {
            adds.push(format!("#{status}_{what} :{status}_{what}"));
            values.push(number(&format!(":{status}_{what}"), sign * by));
        }
    }
    Some(Write::update(key(shard), format!("ADD {}", adds.join(", "))).with(values))
}

/// All counters together.
pub async fn read(table: &Table) -> Result<BTreeMap<Status, Count>, StoreError> {
    let keys: Vec<Key> = (0..=u8::MAX).map(key).collect();
    let shards = table.get_many(&keys).await?;
    let sum = |status: Status, what: &str| {
        shards.values().map(|shard| counter(shard, &format!("{status}_{what}"))).sum::<i64>()
    };
    let count = |status| Count {
        orders: sum(status, "orders"),
        minor: CURRENCIES.map(|currency| sum(status, &currency.to_string())),
    };
    Ok(Status::ALL.into_iter().map(|status| (status, count(status))).collect())
}

fn counter(shard: &Item, name: &str) -> i64 {
    shard.get(name).and_then(|value| value.as_n().ok()?.parse().ok()).unwrap_or_default()
}

impl Count {
    /// The totals, of each currency in which there is one.
    pub fn totals(&self) -> impl Iterator<Item = Money> + '_ {
        let totals = CURRENCIES.into_iter().zip(self.minor);
        totals.filter(|(_, minor)| *minor != 0).map(|(currency, minor)| Money::from_minor(minor, currency))
    }

    /// As many as in both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let minor = std::array::from_fn(|index| self.minor[index] + other.minor[index]);
        Self { orders: self.orders + other.orders, minor }
    }
}
