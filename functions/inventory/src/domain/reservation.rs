//! What is set aside for an order.
//!
//! ```text
//! (none) ─► reserved ─► committed
//!    │         │            │
//!    │         ▼            ▼
//!    ├─────► released ◄─────┘      what was released never comes back:
//!    └► rejected (stays)           a step that is late finds it ended and does nothing
//! ```
//!
//! Nothing is put back merely because it took too long: an order that is paid may be the one whose news are late. What has expired is
//! asked about ([`Reservation::asked`]), and put back when its order has ended.

use contracts::StockLine;
use kernel::{ProductId, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Movement, Stock};

/// Where a reservation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reservation {
    /// Where it stands.
    pub status: Status,
    /// What.
    pub lines: Vec<StockLine>,
    /// Out of which counters.
    pub taken: Vec<Taken>,
    /// When it has expired, and its order is asked about, the next time.
    pub reserved_until: Timestamp,
    /// How often it was asked about.
    #[serde(default)]
    pub asked: u32,
    /// What there was too little of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub short: Vec<ProductId>,
}

/// What is found by who comes to set something aside for an order for which a reservation is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// That is done.
    Done,
    /// The order has ended: nothing is set aside for it any more.
    Ended,
    /// There was too little of these.
    Short(Vec<ProductId>),
}

/// Pieces that were taken out of one counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Taken {
    /// Of what.
    pub product_id: ProductId,
    /// Out of which counter.
    pub split: u8,
    /// How many.
    pub pieces: i64,
}

/// What a step of a reservation does to the counters that it was taken from, by piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effect {
    /// Where the reservation stands then.
    pub to: Status,
    /// For sale: so many more.
    pub available: i64,
    /// In the house: so many more.
    pub on_hand: i64,
}

impl Effect {
    /// Setting aside.
    pub const RESERVE: Self = Self { to: Status::Reserved, available: -1, on_hand: 0 };

    /// What it does to the counter that `taken` came from.
    pub fn on(self, taken: Taken) -> Movement {
        let Taken { split, pieces, .. } = taken;
        Movement { split, available: pieces * self.available, on_hand: pieces * self.on_hand }
    }
}

impl Reservation {
    /// What who comes to set `lines` aside finds here.
    pub fn found_for(&self, lines: &[StockLine]) -> Found {
        match self.status {
            Status::Reserved | Status::Committed if self.lines == lines => Found::Done,
            // Another build cuts orders into other parts.
            Status::Reserved | Status::Committed | Status::Released => Found::Ended,
            Status::Rejected => Found::Short(self.short.clone()),
        }
    }
}

impl Status {
    /// Selling what is set aside; nothing if that is done or the reservation has ended.
    pub fn commit(self) -> Option<Effect> {
        match self {
            Self::Reserved => Some(Effect { to: Self::Committed, available: 0, on_hand: -1 }),
            Self::Committed | Self::Released | Self::Rejected => None,
        }
    }

    /// Putting back what is set aside or sold, for good; nothing if that is done.
    pub fn release(self) -> Option<Effect> {
        match self {
            Self::Reserved => Some(Effect { to: Self::Released, available: 1, on_hand: 0 }),
            Self::Committed => Some(Effect { to: Self::Released, available: 1, on_hand: 1 }),
            Self::Released | Self::Rejected => None,
        }
    }
}

/// Where the pieces of `lines` are taken from, given the stock of each; or the products of which there is too little.
///
/// # Errors
/// Those products.
pub fn take(lines: &[StockLine], stocks: &[Stock], luck: u64) -> Result<Vec<Taken>, Vec<ProductId>> {
    let (mut taken, mut short) = (Vec::new(), Vec::new());
    for (line, stock) in lines.iter().zip(stocks) {
        let product_id = line.product_id;
        match stock.take(i64::from(line.quantity.get()), luck) {
            Some(from) => taken.extend(from.into_iter().map(|(split, pieces)| Taken { product_id, split, pieces })),
            None => short.push(product_id),
        }
    }
    if short.is_empty() { Ok(taken) } else { Err(short) }
}
