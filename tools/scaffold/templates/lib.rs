//! @{Context}: the use cases of this context.

pub mod api;
pub mod domain;
mod store;

use aws_config::SdkConfig;
use dynamo::{StoreError, Table};
use kernel::{@{Item}Id, UserId};
use lambda::env;

use crate::{domain::@{Item}, store::Store};

/// The use cases of @{context}.
pub struct @{Context} {
    store: Store,
}

impl @{Context} {
    /// Over the environment's one configuration.
    ///
    /// # Errors
    /// When the template did not set a variable.
    pub fn connect(config: &SdkConfig) -> Result<Self, lambda::Error> {
        Ok(Self { store: Store::new(Table::connect(config, env("TABLE_NAME")?)) })
    }

    /// A page of what a user has, the newest first, from behind the position `after`; and the position of its last one,
    /// if there are more.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn list(
        &self,
        user_id: UserId,
        after: Option<String>,
        limit: usize,
    ) -> Result<(Vec<@{Item}>, Option<@{Item}Id>), StoreError> {
        self.store.list(user_id, after, limit).await
    }
}
