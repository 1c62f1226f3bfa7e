//! The stock of a product, divided into several counters.
//!
//! DynamoDB runs one transaction at a time on an item. If the stock of a product was one item, all its buyers would
//! wait for each other. So the pieces are divided into several counters, and an order takes its pieces from one counter
//! that has enough. Only if none has, it takes them from several: a product is sold out when all counters together have
//! too little.

use contracts::StockLevel;
use kernel::ProductId;
use serde::{Deserialize, Serialize};

/// The highest number of pieces on hand of one product.
pub const MAX_ON_HAND: i64 = 1_000_000_000;

/// Pieces are not spread over more counters if that would leave fewer than this in each.
const MIN_PER_COUNTER: i64 = 4;

/// A part of a product's stock.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Counter {
    /// The number of the counter, from 0.
    pub split: u8,
    /// Pieces for sale.
    pub available: i64,
    /// All pieces: those for sale and those that are reserved for orders.
    pub on_hand: i64,
    /// How often the counter was written.
    pub version: u64,
    /// How often the product's stock was set or adjusted. Only counter 0 counts it.
    #[serde(default)]
    pub changes: u64,
}

/// The stock of a product.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Stock {
    /// The product.
    pub product_id: ProductId,
    /// The counters, by number. Counter 0 always exists.
    pub counters: Vec<Counter>,
}

/// A change of stock by an administrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Change {
    /// Set the number of pieces on hand.
    Set(i64),
    /// Add pieces or, if negative, remove them.
    Adjust(i64),
}

/// Why a change of stock is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Less stock would be left than is reserved.
    TooLittle,
    /// There would be more stock than [`MAX_ON_HAND`].
    TooMuch,
}

/// A change of one counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Movement {
    /// The number of the counter.
    pub split: u8,
    /// The change of the pieces for sale.
    pub available: i64,
    /// The change of the pieces on hand.
    pub on_hand: i64,
}

impl Stock {
    /// Returns the number of pieces for sale.
    pub fn available(&self) -> i64 {
        self.counters.iter().map(|counter| counter.available).sum()
    }

    /// Returns the number of all pieces, for sale or reserved.
    pub fn on_hand(&self) -> i64 {
        self.counters.iter().map(|counter| counter.on_hand).sum()
    }

    /// Returns the number of pieces that are reserved for orders.
    pub fn reserved(&self) -> i64 {
        self.on_hand() - self.available()
    }

    /// Returns how often the stock was written. A higher number means a later state.
    pub fn sequence(&self) -> u64 {
        self.counters.iter().map(|counter| counter.version).sum()
    }

    /// Returns how often the stock was set or adjusted.
    pub fn changes(&self) -> u64 {
        self.counters.iter().map(|counter| counter.changes).sum()
    }

    /// Returns the stock level of the product, given the `threshold` below which stock is low.
    pub fn level(&self, threshold: i64) -> StockLevel {
        match self.available() {
            ..=0 => StockLevel::SoldOut,
            some if some < threshold => StockLevel::Low,
            _ => StockLevel::InStock,
        }
    }

    /// Returns the counters that `pieces` are taken from: a random one of those that have enough, or else the fullest
    /// ones. Returns nothing if all of them together have too little.
    pub fn take(&self, pieces: i64, random: u64) -> Option<Vec<(u8, i64)>> {
        let enough: Vec<&Counter> = self.counters.iter().filter(|counter| counter.available >= pieces).collect();
        let index = usize::try_from(random).unwrap_or_default().checked_rem(enough.len()).unwrap_or_default();
        match enough.get(index) {
            Some(counter) => Some(vec![(counter.split, pieces)]),
            None => self.drain(pieces),
        }
    }

    /// Returns the movements of a change, with at most `splits` counters.
    ///
    /// # Errors
    /// If less stock would be left than is reserved, or there would be too much.
    pub fn change(&self, change: Change, splits: u8) -> Result<Vec<Movement>, Refused> {
        let pieces = match change {
            Change::Set(on_hand) => on_hand - self.on_hand(),
            Change::Adjust(by) => by,
        };
        if self.on_hand() + pieces > MAX_ON_HAND {
            return Err(Refused::TooMuch);
        }
        let moved = if pieces < 0 {
            let gone = self.drain(-pieces).ok_or(Refused::TooLittle)?;
            gone.into_iter().map(|(split, pieces)| (split, -pieces)).collect()
        } else {
            self.fill(pieces, splits)
        };
        Ok(moved.into_iter().map(|(split, pieces)| Movement { split, available: pieces, on_hand: pieces }).collect())
    }

    /// Returns the stock after `movements`.
    #[must_use]
    pub fn after(mut self, movements: &[Movement]) -> Self {
        for movement in movements {
            let new = Counter { split: movement.split, available: 0, on_hand: 0, version: 0, changes: 0 };
            let index = self.counters.binary_search_by_key(&movement.split, |counter| counter.split);
            let index = index.unwrap_or_else(|index| {
                self.counters.insert(index, new);
                index
            });
            let counter = &mut self.counters[index];
            counter.available += movement.available;
            counter.on_hand += movement.on_hand;
            counter.version += 1;
        }
        self
    }

    /// Takes `pieces` from as few of the fullest counters as possible.
    fn drain(&self, pieces: i64) -> Option<Vec<(u8, i64)>> {
        let mut fullest: Vec<&Counter> = self.counters.iter().filter(|counter| counter.available > 0).collect();
        fullest.sort_by_key(|counter| -counter.available);
        let mut left = pieces;
        let mut taken = Vec::new();
        for counter in fullest {
            if left == 0 {
                break;
            }
            let pieces = left.min(counter.available);
            taken.push((counter.split, pieces));
            left -= pieces;
        }
        (left == 0).then_some(taken)
    }

    /// Adds `pieces` to as many counters as are worthwhile, so that these have about the same number for sale.
    fn fill(&self, pieces: i64, splits: u8) -> Vec<(u8, i64)> {
        let worthwhile = (self.available() + pieces) / MIN_PER_COUNTER;
        let used = worthwhile.clamp(1, i64::from(splits.max(1)));
        let available_in = |split: i64| {
            let counter = self.counters.iter().find(|counter| i64::from(counter.split) == split);
            counter.map_or(0, |counter| counter.available)
        };
        let share = ((0..used).map(available_in).sum::<i64>() + pieces) / used;
        let mut left = pieces;
        let mut added = Vec::new();
        for split in (0..used).rev() {
            // The first counter gets the remainder.
            let pieces = if split == 0 { left } else { (share - available_in(split)).clamp(0, left) };
            left -= pieces;
            if pieces > 0 {
                added.push((u8::try_from(split).unwrap_or_default(), pieces));
            }
        }
        added
    }
}
