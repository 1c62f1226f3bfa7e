//! Catalog: what the shop sells, and at which price.

pub mod api;
pub mod domain;
mod error;
pub mod search;
pub mod seed;
mod store;

use aws_config::SdkConfig;
use contracts::Cause;
use dynamo::{Answer, Claim, Item, StoreError, Table};
use kernel::{ProductId, Timestamp};
use lambda::{env, http::Request, problem::Problem};

use crate::{
    domain::{Changes, Product},
    store::Store,
};

pub use error::CatalogError;
pub use store::Created;

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
        self.store.create(product, claim, now, cause).await
    }

    /// What an idempotency key answered before.
    ///
    /// # Errors
    /// 422 when it answered another request.
    pub fn replay(&self, claim: Option<&Claim>, found: &Item, now: Timestamp) -> Result<Answer, Problem> {
        let answer =
            claim.map(|claim| claim.replay(self.store.table(), found, now)).transpose()?.transpose()?.flatten();
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
            let Some(after) = before.changed(changes) else {
                return Ok(before);
            };
            if self.store.replace(&before, &after, request.now, &request.cause()).await? {
                return Ok(after);
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
                return Ok(());
            }
        }
        Err(CatalogError::Busy)
    }

    async fn present(&self, id: ProductId, request: &Request) -> Result<Product, CatalogError> {
        let product = self.find(id).await?;
        if request.is_of(&product.etag()) { Ok(product) } else { Err(CatalogError::Stale) }
    }

    /// A page of products by name, of one category or of all.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn list(
        &self,
        category: Option<&str>,
        after: Option<String>,
        limit: usize,
    ) -> Result<(Vec<Product>, Option<String>), StoreError> {
        self.store.list(category, after, limit).await
    }
}
