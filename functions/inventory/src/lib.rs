//! Inventory: the stock of each product and the reservations of orders. Stock is never below zero and never sold twice.

pub mod api;
pub mod consumers;
pub mod domain;
mod error;
pub mod publish;
pub mod saga;
pub mod seed;
mod store;
pub mod sweep;

use std::time::Duration;

use aws_config::SdkConfig;
use contracts::{Cause, StockLine};
use dynamo::{IdempotencyKey, StoreError, StoredResponse, Table};
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
    settings: StockSettings,
}

/// Settings of the inventory context.
#[derive(Debug, Clone, Copy)]
pub struct StockSettings {
    /// The number of counters that the stock of a product is divided into. More counters allow more concurrent orders.
    pub splits: u8,
    /// How long stock stays reserved for an order before `ReservationExpired` is published.
    pub reservation_lifetime: Duration,
    /// A product with less available stock than this is low on stock.
    pub low_stock_threshold: i64,
}

/// The number of counters that the stock of a product is divided into; docs/adr/0017-stock-counters-and-reservations.md
/// has the measurements behind it. A change of it cancels large orders whose stock is being reserved at that moment.
pub const SPLITS: u8 = 8;

/// How long a new product may be unknown here because its `ProductCreated` event is still on its way.
const MAX_EVENT_DELAY: Duration = Duration::from_secs(5);

/// How often a change of stock is attempted when it conflicts with another one.
const MAX_ATTEMPTS: usize = 8;

/// The result of a change of stock.
pub enum Outcome {
    /// The stock after the change.
    Stock(Stock),
    /// The stored response to an earlier request with the same idempotency key.
    Replayed(StoredResponse),
}

impl StockSettings {
    /// Reads the settings from the environment variables that the template sets.
    ///
    /// # Errors
    /// If a variable is missing or is not a number.
    pub fn from_env() -> Result<Self, lambda::Error> {
        let minutes: u64 = env("RESERVATION_MINUTES")?.parse()?;
        let low_stock_threshold = env("LOW_STOCK_THRESHOLD")?.parse()?;
        Ok(Self { splits: SPLITS, reservation_lifetime: Duration::from_secs(minutes * 60), low_stock_threshold })
    }
}

impl Inventory {
    /// Connects to the context's table.
    ///
    /// # Errors
    /// If an environment variable is missing or invalid.
    pub fn connect(config: &SdkConfig) -> Result<Self, lambda::Error> {
        Ok(Self::new(Table::connect(config, env("TABLE_NAME")?), StockSettings::from_env()?))
    }

    /// Returns the use cases for a given table.
    pub fn new(table: Table, settings: StockSettings) -> Self {
        Self { store: Store::new(table, settings.splits), settings }
    }

    /// Returns the stock of a product.
    ///
    /// # Errors
    /// If the product does not exist or the table does not respond.
    pub async fn stock(&self, id: ProductId) -> Result<Stock, InventoryError> {
        self.store.stock(id).await?.ok_or(InventoryError::UnknownProduct)
    }

    /// Returns the stock of a product, and waits for it if the product was created in the last few seconds, because
    /// its event may not have been received yet. Only administrators may get here: anonymous callers must not be able
    /// to keep functions waiting.
    async fn stock_or_wait(&self, id: ProductId) -> Result<Stock, InventoryError> {
        loop {
            if let Some(stock) = self.store.stock(id).await? {
                return Ok(stock);
            }
            if !id.is_younger_than(MAX_EVENT_DELAY, Timestamp::now()) {
                return Err(InventoryError::UnknownProduct);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Sets or adjusts the stock of a product, once per idempotency key. The response that `respond` makes of the
    /// result is stored under the key.
    ///
    /// # Errors
    /// If the product does not exist, if the stock would be less than what is reserved or more than the maximum, if the
    /// key was used with another request, or if the table does not respond.
    pub async fn change(
        &self,
        id: ProductId,
        change: Change,
        idempotency_key: Option<&IdempotencyKey>,
        now: Timestamp,
        respond: impl Fn(&Stock) -> Result<StoredResponse, Problem>,
    ) -> Result<Outcome, InventoryError> {
        for _ in 0..MAX_ATTEMPTS {
            let stock = self.stock_or_wait(id).await?;
            // The response is looked up after the stock was read. If there is none, that stock does not yet contain the
            // change by an earlier attempt of the same request, so that the write below fails if that attempt succeeds.
            if let Some(key) = idempotency_key
                && let Some(response) = key.find(self.store.table(), now).await??
            {
                return Ok(Outcome::Replayed(response));
            }
            match self.store.change(&stock, change, idempotency_key.map(|key| (key, &respond)), now).await? {
                Some(Changed::Done(stock)) => return Ok(Outcome::Stock(stock)),
                // A concurrent request with the same key was faster, and its response is returned.
                Some(Changed::Replayed(found)) => {
                    let response =
                        idempotency_key.map(|key| key.replay(&found, now)).transpose()?.transpose()?.flatten();
                    return response.map(Outcome::Replayed).ok_or(InventoryError::Busy);
                }
                None => {}
            }
        }
        Err(InventoryError::Busy)
    }

    /// Creates the stock of a new product, with no pieces.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn create_stock(&self, id: ProductId) -> Result<(), InventoryError> {
        Ok(self.store.create_stock(id).await?)
    }

    /// Reserves all lines of an order, or none. Repeating it has no further effect.
    ///
    /// # Errors
    /// If there is not enough stock, or the order has ended.
    pub async fn reserve(&self, id: OrderId, lines: &[StockLine], cause: &Cause) -> Result<(), InventoryError> {
        self.store.reserve(id, lines, self.settings.reservation_lifetime, cause).await
    }

    /// Commits the reservation of an order: its pieces are sold.
    ///
    /// # Errors
    /// If nothing is reserved for the order, or the table does not respond.
    pub async fn commit(&self, id: OrderId) -> Result<(), InventoryError> {
        self.store.commit(id).await
    }

    /// Releases what is reserved for an order or was sold to it. From then on nothing can be reserved for the order.
    ///
    /// # Errors
    /// If the table does not respond, or other requests keep changing the reservation.
    pub async fn release(&self, id: OrderId, cause: &Cause) -> Result<(), InventoryError> {
        self.store.release(id, cause).await
    }

    /// Publishes `ReservationExpired` if the reservation of an order has expired at `now`, and returns how often that
    /// was done for the order so far. The stock stays reserved until the order has ended, because only then is it
    /// certain that nobody has paid.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn expire(&self, id: OrderId, now: Timestamp, cause: &Cause) -> Result<Option<u32>, StoreError> {
        self.store.expire(id, now, self.settings.reservation_lifetime, cause).await
    }
}
