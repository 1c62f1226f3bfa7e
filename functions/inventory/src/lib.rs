//! Inventory: how much there is of each product, and what is set aside for which order. Never below zero, never sold twice.

pub mod api;
pub mod consumers;
pub mod domain;
mod error;
pub mod saga;
pub mod seed;
mod store;
pub mod sweep;
pub mod tell;

use std::time::Duration;

use aws_config::SdkConfig;
use contracts::{Cause, StockLine};
use dynamo::{Answer, Claim, StoreError, Table};
use kernel::{OrderId, ProductId, Timestamp};
use lambda::{env, problem::Problem};

use crate::{
    domain::{Change, Stock},
    store::{Changed, Store},
};
pub use error::InventoryError;

/// The use cases of inventory.
pub struct Inventory {
    store: Store,
    terms: Terms,
}

/// How the shop wants its stock kept.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// Over how many counters the stock of a product is spread: so many orders of one product can be served at the same moment.
    pub splits: u8,
    /// How long something is set aside for an order before it is asked about.
    pub reserved_for: Duration,
    /// How much of a product there should be for sale at least.
    pub low_stock: i64,
}

/// The number of counters that the stock of a product is divided into; docs/adr/0017-stock-counters-and-reservations.md
/// has the measurements behind it. A change of it cancels large orders whose stock is being reserved at that moment.
pub const SPLITS: u8 = 8;

/// How long a product that was made a moment ago may take to be heard of here.
const NEWS_TAKES: Duration = Duration::from_secs(5);

/// How often a change of stock that met another one is tried.
const TRIES: usize = 8;

/// What a change of stock led to.
pub enum Outcome {
    /// The stock is this now.
    Stock(Stock),
    /// What the same request was answered before.
    Answer(Answer),
}

impl Terms {
    /// As the template's parameters say.
    ///
    /// # Errors
    /// When the template did not set a variable, or not to a number.
    pub fn from_env() -> Result<Self, lambda::Error> {
        let minutes: u64 = env("RESERVATION_MINUTES")?.parse()?;
        let low_stock = env("LOW_STOCK_THRESHOLD")?.parse()?;
        Ok(Self { splits: SPLITS, reserved_for: Duration::from_secs(minutes * 60), low_stock })
    }
}

impl Inventory {
    /// Over the environment's one configuration.
    ///
    /// # Errors
    /// When the template did not set a variable.
    pub fn connect(config: &SdkConfig) -> Result<Self, lambda::Error> {
        Ok(Self::new(Table::connect(config, env("TABLE_NAME")?), Terms::from_env()?))
    }

    /// Over a table.
    pub fn new(table: Table, terms: Terms) -> Self {
        Self { store: Store::new(table, terms.splits), terms }
    }

    /// How much there is of a product.
    ///
    /// # Errors
    /// When there is no such product.
    pub async fn stock(&self, id: ProductId) -> Result<Stock, InventoryError> {
        self.store.stock(id).await?.ok_or(InventoryError::UnknownProduct)
    }

    /// As [`Inventory::stock`], but a product that was made in the last few seconds, and may not have been heard of yet, is waited
    /// for. Only for administrators: a stranger must not be able to keep functions waiting.
    async fn awaited_stock(&self, id: ProductId) -> Result<Stock, InventoryError> {
        loop {
            if let Some(stock) = self.store.stock(id).await? {
                return Ok(stock);
            }
            if !id.is_younger_than(NEWS_TAKES, Timestamp::now()) {
                return Err(InventoryError::UnknownProduct);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Sets or adjusts how much there is of a product; once per idempotency key, for which what `respond` makes of the result is kept.
    ///
    /// # Errors
    /// When there is no such product, less would be left than is set aside, or too much would be there.
    pub async fn change(
        &self,
        id: ProductId,
        change: Change,
        claim: Option<&Claim>,
        now: Timestamp,
        respond: impl Fn(&Stock) -> Result<Answer, Problem>,
    ) -> Result<Outcome, InventoryError> {
        for _ in 0..TRIES {
            let stock = self.awaited_stock(id).await?;
            // In this order: who finds no answer now has seen the stock as it was before the same request changed it.
            if let Some(claim) = claim
                && let Some(answer) = claim.answered(self.store.table(), now).await??
            {
                return Ok(Outcome::Answer(answer));
            }
            match self.store.change(&stock, change, claim.map(|claim| (claim, &respond)), now).await? {
                Some(Changed::Done(stock)) => return Ok(Outcome::Stock(stock)),
                // Another request with the same key was a moment faster: its answer is ours.
                Some(Changed::Answered(found)) => {
                    let answer = claim.map(|claim| claim.replay(&found, now)).transpose()?.transpose()?.flatten();
                    return answer.map(Outcome::Answer).ok_or(InventoryError::Busy);
                }
                None => {}
            }
        }
        Err(InventoryError::Busy)
    }

    /// Starts to keep stock of a new product, at zero.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn keep(&self, id: ProductId) -> Result<(), InventoryError> {
        Ok(self.store.keep(id).await?)
    }

    /// Sets the lines of an order aside, all of them or none; done before is done.
    ///
    /// # Errors
    /// When there is too little, or the order has ended.
    pub async fn reserve(&self, id: OrderId, lines: &[StockLine], cause: &Cause) -> Result<(), InventoryError> {
        self.store.reserve(id, lines, self.terms.reserved_for, cause).await
    }

    /// Lets what was set aside for an order go: it is sold.
    ///
    /// # Errors
    /// When nothing was set aside for it.
    pub async fn commit(&self, id: OrderId) -> Result<(), InventoryError> {
        self.store.commit(id).await
    }

    /// Puts back what was set aside for an order or sold to it; from then on nothing can be set aside for it.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn release(&self, id: OrderId, cause: &Cause) -> Result<(), InventoryError> {
        self.store.release(id, cause).await
    }

    /// Asks what is to become of what is set aside for an order, if that is so for longer than it may be at `now`; how often it has
    /// asked by then. Nothing is put back before the order has ended: only then it is certain that nobody has paid.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn expire(&self, id: OrderId, now: Timestamp, cause: &Cause) -> Result<Option<u32>, StoreError> {
        self.store.ask(id, now, self.terms.reserved_for, cause).await
    }
}
