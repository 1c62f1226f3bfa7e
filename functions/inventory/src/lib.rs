//! Inventory: how much there is of each product, and what is set aside for which order. Never below zero, never sold twice.

pub mod api;
pub mod consumers;
pub mod domain;
mod error;
pub mod saga;
pub mod seed;
mod store;

use std::time::Duration;

use aws_config::SdkConfig;
use contracts::{Cause, StockLine};
use dynamo::Table;
use kernel::{OrderId, ProductId, Timestamp};
use lambda::env;

use crate::{
    domain::{Change, Stock},
    store::Store,
};
pub use error::InventoryError;

/// The use cases of inventory.
pub struct Inventory {
    store: Store,
}

/// How long a product that was made a moment ago may take to be heard of here.
const NEWS_TAKES: Duration = Duration::from_secs(5);

impl Inventory {
    /// Over the environment's one configuration.
    ///
    /// # Errors
    /// When the template did not set a variable.
    pub fn connect(config: &SdkConfig) -> Result<Self, lambda::Error> {
        Ok(Self { store: Store::new(Table::connect(config, env("TABLE_NAME")?)) })
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

    /// Sets or adjusts how much there is of a product.
    ///
    /// # Errors
    /// When there is no such product, or less would be left than is set aside.
    pub async fn change(&self, id: ProductId, change: Change) -> Result<Stock, InventoryError> {
        let stock = self.awaited_stock(id).await?;
        if self.store.change(id, change).await? {
            self.stock(id).await
        } else {
            Err(InventoryError::TooLittle { available: stock.available, reserved: stock.reserved })
        }
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
        self.store.reserve(id, lines, Timestamp::now(), cause).await
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
        self.store.release(id, Timestamp::now(), cause).await
    }
}
