//! Catalog: what the shop sells, and at which price.

pub mod api;
pub mod domain;
pub mod seed;
mod store;

use aws_config::SdkConfig;
use contracts::Cause;
use dynamo::{Answer, Claim, Item, StoreError, Table};
use kernel::{ProductId, Timestamp};
use lambda::{env, problem::Problem};

use crate::{domain::Product, store::Store};

pub use store::Created;

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
    /// When the store does not answer.
    pub async fn find(&self, id: ProductId) -> Result<Option<Product>, StoreError> {
        self.store.find(id).await
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
