//! Stock and reservations. Pure: no clock, no table, no network.
//!
//! ```text
//! (none) ─► reserved ─► committed
//!    │         │  │         │
//!    │         │  ▼         │
//!    │         └► released ◄┘      an ended reservation never comes back:
//!    ├────────────►  ▲             a step that is late finds it ended and does nothing
//!    └► rejected ────┘ (stays)
//! ```

use contracts::StockLine;
use kernel::ProductId;
use serde::{Deserialize, Serialize};

/// The most there can be of one product.
pub const MOST_ON_HAND: i64 = 1_000_000_000;

/// How much there is of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stock {
    /// Of what.
    pub product_id: ProductId,
    /// For sale.
    pub available: i64,
    /// Set aside for orders that are being paid.
    pub reserved: i64,
}

impl Stock {
    /// All there is in the house.
    pub fn on_hand(&self) -> i64 {
        self.available + self.reserved
    }
}

/// What an administrator does to stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// This much is in the house.
    Set(i64),
    /// So much came, or (negative) went.
    Adjust(i64),
}

/// Where a reservation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Set aside.
    Reserved,
    /// Sold.
    Committed,
    /// Back for sale.
    Released,
    /// There was too little.
    Rejected,
}

/// What is set aside for an order; a part of it, where an order has more lines than one transaction takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// Where it stands.
    pub status: Status,
    /// What.
    pub lines: Vec<StockLine>,
    /// What there was too little of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub short: Vec<ProductId>,
}

/// What one piece of a line does to its stock when a reservation takes a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effect {
    /// Where the reservation stands then.
    pub to: Status,
    /// For sale: so many more.
    pub available: i64,
    /// Set aside: so many more.
    pub reserved: i64,
}

/// Setting aside.
pub const RESERVE: Effect = Effect { to: Status::Reserved, available: -1, reserved: 1 };

impl Status {
    /// Selling what is set aside; nothing if that is done or the reservation has ended.
    pub fn commit(self) -> Option<Effect> {
        match self {
            Self::Reserved => Some(Effect { to: Self::Committed, available: 0, reserved: -1 }),
            Self::Committed | Self::Released | Self::Rejected => None,
        }
    }

    /// Putting back what is set aside or sold; nothing if that is done.
    pub fn release(self) -> Option<Effect> {
        match self {
            Self::Reserved => Some(Effect { to: Self::Released, available: 1, reserved: -1 }),
            Self::Committed => Some(Effect { to: Self::Released, available: 1, reserved: 0 }),
            Self::Released | Self::Rejected => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One product, and orders of one piece each.
    #[derive(Debug)]
    struct Shop {
        stock: Stock,
        orders: Vec<Option<Status>>,
    }

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Reserve(usize),
        Commit(usize),
        Release(usize),
    }

    impl Shop {
        fn take(&mut self, step: Step) {
            let (order, effect) = match step {
                Step::Reserve(order) => (order, self.orders[order].is_none().then_some(RESERVE)),
                Step::Commit(order) => (order, self.orders[order].and_then(Status::commit)),
                Step::Release(order) => match self.orders[order] {
                    Some(status) => (order, status.release()),
                    None => return self.orders[order] = Some(Status::Released),
                },
            };
            let Some(effect) = effect else { return };
            // The condition under which the store writes.
            if self.stock.available + effect.available < 0 {
                return self.orders[order] = Some(Status::Rejected);
            }
            self.stock.available += effect.available;
            self.stock.reserved += effect.reserved;
            self.orders[order] = Some(effect.to);
        }

        fn count(&self, status: Status) -> i64 {
            self.orders.iter().filter(|order| **order == Some(status)).count() as i64
        }
    }

    fn any_step() -> impl Strategy<Value = Step> {
        (0..6_usize, 0..3).prop_map(|(order, kind)| match kind {
            0 => Step::Reserve(order),
            1 => Step::Commit(order),
            _ => Step::Release(order),
        })
    }

    proptest! {
        /// Whatever comes, twice, late or out of order: nothing below zero, nothing sold twice, nothing lost.
        #[test]
        fn stock_adds_up(start in 0_i64..5, steps in proptest::collection::vec(any_step(), 0..60)) {
            let stock = Stock { product_id: ProductId::derived("test", "mug"), available: start, reserved: 0 };
            let mut shop = Shop { stock, orders: vec![None; 6] };
            for step in steps {
                shop.take(step);
                prop_assert!(shop.stock.available >= 0 && shop.stock.reserved >= 0);
                prop_assert_eq!(shop.stock.reserved, shop.count(Status::Reserved));
                prop_assert_eq!(shop.stock.on_hand(), start - shop.count(Status::Committed));
            }
        }

        #[test]
        fn a_released_reservation_stays_released(steps in proptest::collection::vec(any_step(), 0..20)) {
            let stock = Stock { product_id: ProductId::derived("test", "mug"), available: 9, reserved: 0 };
            let mut shop = Shop { stock, orders: vec![Some(Status::Released); 6] };
            for step in steps {
                shop.take(step);
            }
            prop_assert_eq!(shop.count(Status::Released), 6);
        }
    }
}
