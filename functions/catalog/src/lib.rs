//! Catalog: the products of the shop and their prices.

pub mod api;
mod cache;
pub mod consumers;
pub mod domain;
mod error;
pub mod search;
pub mod seed;
mod store;

use aws_config::SdkConfig;
use contracts::{Cause, StockLevel};
use dynamo::{IdempotencyKey, Item, StoreError, StoredResponse, Table};
use kernel::{ProductId, Timestamp};
use lambda::{
    env,
    http::{ApiRequest, Request},
    problem::Problem,
};

use crate::{
    domain::{Changes, Product, Sort},
    store::Store,
};

pub use cache::Cache;
pub use error::CatalogError;
pub use store::{Created, Version};

/// How often a change is attempted when it conflicts with another change of the same product.
const MAX_ATTEMPTS: usize = 4;

/// The use cases of the catalog.
pub struct Catalog {
    store: Store,
}

impl Catalog {
    /// Connects to the context's table.
    ///
    /// # Errors
    /// If an environment variable is missing.
    pub fn connect(config: &SdkConfig) -> Result<Self, lambda::Error> {
        let store = Store::new(Table::connect(config, env("TABLE_NAME")?));
        Ok(Self { store })
    }

    /// Adds a product to the catalog, once per idempotency key.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn create(
        &self,
        product: &Product,
        idempotency: Option<(&IdempotencyKey, &StoredResponse)>,
        now: Timestamp,
        cause: &Cause,
    ) -> Result<Created, StoreError> {
        let created = self.store.create(product, idempotency, now, cause).await?;
        self.store.invalidate_caches().await?;
        Ok(created)
    }

    /// Returns the response that was stored under an idempotency key.
    ///
    /// # Errors
    /// 422 if it belongs to another request, 409 if it has just expired.
    pub fn replay(
        &self,
        idempotency_key: Option<&IdempotencyKey>,
        found: &Item,
        now: Timestamp,
    ) -> Result<StoredResponse, Problem> {
        let response = idempotency_key.map(|key| key.replay(found, now)).transpose()?.transpose()?.flatten();
        response.ok_or_else(|| {
            Problem::new(409, "busy", "The response for this Idempotency-Key has just expired. Try again.")
        })
    }

    /// Returns a product that is for sale.
    ///
    /// # Errors
    /// If the product does not exist or is archived, or the table does not respond.
    pub async fn find(&self, id: ProductId) -> Result<Product, CatalogError> {
        self.store.find(id).await?.filter(|product| product.archived_at.is_none()).ok_or(CatalogError::NotFound)
    }

    /// Changes a product if the request's `If-Match` names its current state.
    ///
    /// # Errors
    /// If the product does not exist or is archived, `If-Match` names another state, or the table does not respond.
    pub async fn update(&self, id: ProductId, changes: &Changes, request: &Request) -> Result<Product, CatalogError> {
        for _ in 0..MAX_ATTEMPTS {
            let before = self.current(id, request).await?;
            let after = before.changed(changes);
            let done = match &after {
                Some(after) => self.store.replace(&before, after, request.now(), &request.cause()).await?,
                None => true,
            };
            if done {
                self.store.invalidate_caches().await?;
                return Ok(after.unwrap_or(before));
            }
        }
        Err(CatalogError::Busy)
    }

    /// Archives a product if the request's `If-Match` names its current state.
    ///
    /// # Errors
    /// If the product does not exist or is archived, `If-Match` names another state, or the table does not respond.
    pub async fn archive(&self, id: ProductId, request: &Request) -> Result<(), CatalogError> {
        for _ in 0..MAX_ATTEMPTS {
            let before = self.current(id, request).await?;
            let after = before.archived(request.now());
            if self.store.replace(&before, &after, request.now(), &request.cause()).await? {
                self.store.invalidate_caches().await?;
                return Ok(());
            }
        }
        Err(CatalogError::Busy)
    }

    /// Sets the stock level of a product from the stock event with this `sequence`, unless a later event was applied.
    ///
    /// # Errors
    /// If the product does not exist, or the table does not respond.
    pub async fn set_availability(
        &self,
        id: ProductId,
        availability: StockLevel,
        sequence: u64,
    ) -> Result<(), CatalogError> {
        for _ in 0..MAX_ATTEMPTS {
            let before = self.store.find(id).await?.ok_or(CatalogError::NotFound)?;
            let done = match before.with_availability(availability, sequence) {
                Some(after) => self.store.replace_without_event(&before, &after).await?,
                None => true,
            };
            if done {
                return Ok(self.store.invalidate_caches().await?);
            }
        }
        Err(CatalogError::Busy)
    }

    /// Returns the current state of the product that `request` changes.
    ///
    /// A refusal reveals an earlier write, perhaps one by the same request. Its function may have died before it
    /// invalidated the caches, so that this is done here.
    async fn current(&self, id: ProductId, request: &Request) -> Result<Product, CatalogError> {
        let product = self.store.find(id).await?.ok_or(CatalogError::NotFound)?;
        let refused = if product.archived_at.is_some() {
            CatalogError::NotFound
        } else if request.matches_if_match(&product.etag()) {
            return Ok(product);
        } else {
            CatalogError::Stale
        };
        self.store.invalidate_caches().await?;
        Err(refused)
    }

    /// Returns the version of the catalog, which decides whether cached responses are valid, and the product counters.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn version(&self) -> Result<Version, StoreError> {
        self.store.version().await
    }

    /// Returns a page of all products or of those of a category, and the position of the next page.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn list(
        &self,
        category: Option<&str>,
        sort: Sort,
        after: Option<String>,
        limit: usize,
    ) -> Result<(Vec<Product>, Option<String>), StoreError> {
        self.store.list(category, sort, after, limit).await
    }
}
