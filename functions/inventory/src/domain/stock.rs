//! How much there is of a product, in several counters.
//!
//! DynamoDB lets one transaction at a time have an item. Were the stock of a product one item, all who want to buy it would wait for
//! each other; so its pieces lie in several counters, and an order takes from one of them that has enough. Only when none has, it
//! takes from several: a product is sold out when all of them together have too little.

use contracts::StockLevel;
use kernel::ProductId;
use serde::{Deserialize, Serialize};

/// The most there can be of one product.
pub const MOST_ON_HAND: i64 = 1_000_000_000;

/// With fewer pieces than this in each, pieces are not spread over more counters.
const FEWEST_IN_A_COUNTER: i64 = 4;

/// One part of a product's stock.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Counter {
    /// Which, from 0.
    pub split: u8,
    /// For sale.
    pub available: i64,
    /// All there is in the house: for sale, or set aside for orders that are being paid.
    pub on_hand: i64,
    /// How often it was written.
    pub version: u64,
    /// How often the product's stock was set or adjusted; counted in counter 0.
    #[serde(default)]
    pub changes: u64,
}

/// How much there is of a product.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Stock {
    /// Of what.
    pub product_id: ProductId,
    /// In which counters; the first one is always there.
    pub counters: Vec<Counter>,
}

/// What an administrator does to stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Change {
    /// This much is in the house.
    Set(i64),
    /// So much came, or (negative) went.
    Adjust(i64),
}

/// Why stock cannot be changed like that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Less would be left than is set aside.
    TooLittle,
    /// There would be more than [`MOST_ON_HAND`].
    TooMuch,
}

/// What happens to one counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Movement {
    /// Which.
    pub split: u8,
    /// For sale: so many more.
    pub available: i64,
    /// In the house: so many more.
    pub on_hand: i64,
}

impl Stock {
    /// For sale.
    pub fn available(&self) -> i64 {
        self.counters.iter().map(|counter| counter.available).sum()
    }

    /// All there is in the house.
    pub fn on_hand(&self) -> i64 {
        self.counters.iter().map(|counter| counter.on_hand).sum()
    }

    /// Set aside for orders that are being paid.
    pub fn reserved(&self) -> i64 {
        self.on_hand() - self.available()
    }

    /// How often it was written: whoever has seen more has seen later.
    pub fn sequence(&self) -> u64 {
        self.counters.iter().map(|counter| counter.version).sum()
    }

    /// How often it was set or adjusted.
    pub fn changes(&self) -> u64 {
        self.counters.iter().map(|counter| counter.changes).sum()
    }

    /// How well the product is stocked, if the shop wants `threshold` for sale at least.
    pub fn level(&self, threshold: i64) -> StockLevel {
        match self.available() {
            ..=0 => StockLevel::SoldOut,
            some if some < threshold => StockLevel::Low,
            _ => StockLevel::InStock,
        }
    }

    /// From which counters `pieces` are taken: from one that has enough, which one is up to `luck`, or else from the fullest ones.
    /// Nothing if all of them together have too little.
    pub fn take(&self, pieces: i64, luck: u64) -> Option<Vec<(u8, i64)>> {
        let enough: Vec<&Counter> = self.counters.iter().filter(|counter| counter.available >= pieces).collect();
        let lucky = usize::try_from(luck).unwrap_or_default().checked_rem(enough.len()).unwrap_or_default();
        match enough.get(lucky) {
            Some(counter) => Some(vec![(counter.split, pieces)]),
            None => self.drain(pieces),
        }
    }

    /// What `change` does to the counters, of which there may be `splits`.
    ///
    /// # Errors
    /// When there would be less than is set aside, or too much.
    pub fn change(&self, change: Change, splits: u8) -> Result<Vec<Movement>, Refused> {
        let pieces = match change {
            Change::Set(on_hand) => on_hand - self.on_hand(),
            Change::Adjust(by) => by,
        };
        if self.on_hand() + pieces > MOST_ON_HAND {
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

    /// The stock after `movements`.
    #[must_use]
    pub fn after(mut self, movements: &[Movement]) -> Self {
        for movement in movements {
            let new = Counter { split: movement.split, available: 0, on_hand: 0, version: 0, changes: 0 };
            let place = self.counters.binary_search_by_key(&movement.split, |counter| counter.split);
            let place = place.unwrap_or_else(|place| {
                self.counters.insert(place, new);
                place
            });
            let counter = &mut self.counters[place];
            counter.available += movement.available;
            counter.on_hand += movement.on_hand;
            counter.version += 1;
        }
        self
    }

    /// `pieces` out of the fullest counters, as few of them as do.
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

    /// `pieces` into as many counters as are worth it, so that these have about the same for sale.
    fn fill(&self, pieces: i64, splits: u8) -> Vec<(u8, i64)> {
        let worth = (self.available() + pieces) / FEWEST_IN_A_COUNTER;
        let used = worth.clamp(1, i64::from(splits.max(1)));
        let has = |split: i64| {
            let counter = self.counters.iter().find(|counter| i64::from(counter.split) == split);
            counter.map_or(0, |counter| counter.available)
        };
        let share = ((0..used).map(has).sum::<i64>() + pieces) / used;
        let mut left = pieces;
        let mut given = Vec::new();
        for split in (0..used).rev() {
            // The first one gets what the others have no need of.
            let pieces = if split == 0 { left } else { (share - has(split)).clamp(0, left) };
            left -= pieces;
            if pieces > 0 {
                given.push((u8::try_from(split).unwrap_or_default(), pieces));
            }
        }
        given
    }
}
