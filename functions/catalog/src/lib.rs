//! Catalog: what the shop sells, and at which price.

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
use dynamo::{Answer, Claim, Item, StoreError, Table};
use kernel::{ProductId, Timestamp};
use lambda::{env, http::Request, problem::Problem};

use crate::{
    domain::{Changes, Product, Sort},
    store::Store,
};

pub use cache::Cache;
pub use error::CatalogError;
pub use store::{Created, Version};

/// How often a change that met another one on the same product is tried.
const TRIES: usize = 4;

/// The use cases of the catalog.
pub struct Catalog {
    store: Store,
}

impl Catalog {
    /// Over the environment's one configuration.
    ///
    /// # Errors
    /// When the template did not set a variable.
    pub fn connect(config: &SdkConfig) -> Result<Self, lambda::Error> {
        let store = Store::new(Table::connect(config, env("TABLE_NAME")?));
        Ok(Self { store })
    }

    /// Takes a product into the catalog, once per idempotency key.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn create(
        &self,
        product: &Product,
        claim: Option<(&Claim, &Answer)>,
        now: Timestamp,
        cause: &Cause,
    ) -> Result<Created, StoreError> {
        let created = self.store.create(product, claim, now, cause).await?;
        self.store.settle().await?;
        Ok(created)
    }

    /// What an idempotency key answered before.
    ///
    /// # Errors
    /// 422 when it answered another request.
    pub fn replay(&self, claim: Option<&Claim>, found: &Item, now: Timestamp) -> Result<Answer, Problem> {
        let answer = claim.map(|claim| claim.replay(found, now)).transpose()?.transpose()?.flatten();
        answer.ok_or_else(|| {
            Problem::new(409, "busy", "A request with this Idempotency-Key has just expired; try again.")
        })
    }

    /// The product, if it is sold.
    ///
    /// # Errors
    /// When it is not.
    pub async fn find(&self, id: ProductId) -> Result<Product, CatalogError> {
        self.store.find(id).await?.filter(|product| product.archived_at.is_none()).ok_or(CatalogError::NotFound)
    }

    /// Changes a product, if `request` is of its present state.
    ///
    /// # Errors
    /// When there is none, or `If-Match` names another state.
    pub async fn update(&self, id: ProductId, changes: &Changes, request: &Request) -> Result<Product, CatalogError> {
        for _ in 0..TRIES {
            let before = self.present(id, request).await?;
            let after = before.changed(changes);
            let done = match &after {
                Some(after) => self.store.replace(&before, after, request.now, &request.cause()).await?,
                None => true,
            };
            if done {
                self.store.settle().await?;
                return Ok(after.unwrap_or(before));
            }
        }
        Err(CatalogError::Busy)
    }

    /// Takes a product out of the catalog, if `request` is of its present state.
    ///
    /// # Errors
    /// When there is none, or `If-Match` names another state.
    pub async fn archive(&self, id: ProductId, request: &Request) -> Result<(), CatalogError> {
        for _ in 0..TRIES {
            let before = self.present(id, request).await?;
            let after = before.archived(request.now);
            if self.store.replace(&before, &after, request.now, &request.cause()).await? {
                self.store.settle().await?;
                return Ok(());
            }
        }
        Err(CatalogError::Busy)
    }

    /// Keeps how well a product is stocked, as the `sequence`th news of its stock tells, unless it has heard newer.
    ///
    /// # Errors
    /// When there is no such product.
    pub async fn set_availability(
        &self,
        id: ProductId,
        availability: StockLevel,
        sequence: u64,
    ) -> Result<(), CatalogError> {
        for _ in 0..TRIES {
            let before = self.store.find(id).await?.ok_or(CatalogError::NotFound)?;
            let done = match before.stocked(availability, sequence) {
                Some(after) => self.store.replace_quietly(&before, &after).await?,
                None => true,
            };
            if done {
                return Ok(self.store.settle().await?);
            }
        }
        Err(CatalogError::Busy)
    }

    /// The product that `request` is to change, as it is.
    ///
    /// A refusal tells of a write of before, perhaps of the same request's: whoever made it may have died before it was settled.
    async fn present(&self, id: ProductId, request: &Request) -> Result<Product, CatalogError> {
        let product = self.store.find(id).await?.ok_or(CatalogError::NotFound)?;
        let refused = if product.archived_at.is_some() {
            CatalogError::NotFound
        } else if request.is_of(&product.etag()) {
            return Ok(product);
        } else {
            CatalogError::Stale
        };
        self.store.settle().await?;
        Err(refused)
    }

    /// The version of the catalog, which tells whether what was read before still stands, and its counters.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn version(&self) -> Result<Version, StoreError> {
        self.store.version().await
    }

    /// A page of products, of one category or of all.
    ///
    /// # Errors
    /// When the store does not answer.
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
