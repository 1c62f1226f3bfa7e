//! Reservations of stock for orders.
//!
//! ```text
//! (none) ─► reserved ─► committed
//!    │         │            │
//!    │         ▼            ▼
//!    ├─────► released ◄─────┘      a released reservation stays released:
//!    └► rejected (stays)           a late step finds it ended and does nothing
//! ```
//!
//! A reservation is not released merely because it has expired, as the event that its order was paid may be late.
//! Instead, `ReservationExpired` is published ([`Reservation::asked`]), and the stock is released when the order has
//! ended.

use contracts::StockLine;
use kernel::{ProductId, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Movement, Stock};

/// The status of a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The pieces are reserved.
    Reserved,
    /// The pieces are sold.
    Committed,
    /// The pieces are for sale again.
    Released,
    /// There was not enough stock.
    Rejected,
}

/// A reservation for an order, or a part of it if the order has more lines than fit into one transaction.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reservation {
    /// The status.
    pub status: Status,
    /// The order lines.
    pub lines: Vec<StockLine>,
    /// The pieces, by the counters that they were taken from.
    pub taken: Vec<Taken>,
    /// When it expires, and `ReservationExpired` is published next.
    pub reserved_until: Timestamp,
    /// How often `ReservationExpired` was published.
    #[serde(default)]
    pub asked: u32,
    /// The products without enough stock.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub short: Vec<ProductId>,
}

/// What a recorded reservation means for another attempt to reserve stock for its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The stock is reserved already.
    Done,
    /// The order has ended, and nothing is reserved for it anymore.
    Ended,
    /// There was not enough stock of these products.
    Short(Vec<ProductId>),
}

/// Pieces that were taken from one counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Taken {
    /// The product.
    pub product_id: ProductId,
    /// The number of the counter.
    pub split: u8,
    /// The number of pieces.
    pub pieces: i64,
}

/// The effect of a step of a reservation, for each piece, on the counter that the piece was taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effect {
    /// The status of the reservation after the step.
    pub to: Status,
    /// The change of the pieces for sale.
    pub available: i64,
    /// The change of the pieces on hand.
    pub on_hand: i64,
}

impl Effect {
    /// The effect of reserving.
    pub const RESERVE: Self = Self { to: Status::Reserved, available: -1, on_hand: 0 };

    /// Returns the movement of the counter that `taken` came from.
    pub fn on(self, taken: Taken) -> Movement {
        let Taken { split, pieces, .. } = taken;
        Movement { split, available: pieces * self.available, on_hand: pieces * self.on_hand }
    }
}

impl Reservation {
    /// Returns what this reservation means for an attempt to reserve `lines`.
    pub fn found_for(&self, lines: &[StockLine]) -> Found {
        match self.status {
            Status::Reserved | Status::Committed if self.lines == lines => Found::Done,
            // Another build with another number of counters has divided the order into other parts.
            Status::Reserved | Status::Committed | Status::Released => Found::Ended,
            Status::Rejected => Found::Short(self.short.clone()),
        }
    }
}

impl Status {
    /// Returns the effect of selling the reserved pieces; nothing if that is done or the reservation has ended.
    pub fn commit(self) -> Option<Effect> {
        match self {
            Self::Reserved => Some(Effect { to: Self::Committed, available: 0, on_hand: -1 }),
            Self::Committed | Self::Released | Self::Rejected => None,
        }
    }

    /// Returns the effect of releasing reserved or sold pieces for good; nothing if that is done.
    pub fn release(self) -> Option<Effect> {
        match self {
            Self::Reserved => Some(Effect { to: Self::Released, available: 1, on_hand: 0 }),
            Self::Committed => Some(Effect { to: Self::Released, available: 1, on_hand: 1 }),
            Self::Released | Self::Rejected => None,
        }
    }
}

/// Chooses the counters that the pieces of `lines` are taken from, given the stock of each line's product.
///
/// # Errors
/// Returns the products without enough stock.
pub fn take(lines: &[StockLine], stocks: &[Stock], random: u64) -> Result<Vec<Taken>, Vec<ProductId>> {
    let (mut taken, mut short) = (Vec::new(), Vec::new());
    for (line, stock) in lines.iter().zip(stocks) {
        let product_id = line.product_id;
        match stock.take(i64::from(line.quantity.get()), random) {
            Some(from) => taken.extend(from.into_iter().map(|(split, pieces)| Taken { product_id, split, pieces })),
            None => short.push(product_id),
        }
    }
    if short.is_empty() { Ok(taken) } else { Err(short) }
}
