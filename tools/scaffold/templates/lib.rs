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
    /// Connects to the table that `TABLE_NAME` names.
    ///
    /// # Errors
    /// If the variable is not set.
    pub fn connect(config: &SdkConfig) -> Result<Self, lambda::Error> {
        Ok(Self { store: Store::new(Table::connect(config, env("TABLE_NAME")?)) })
    }

    /// Returns a page of a user's items, newest first, starting after the position `after`. Also returns the id of the
    /// last item on the page if there are more.
    ///
    /// # Errors
    /// If the request to the table fails.
    pub async fn list(
        &self,
        user_id: UserId,
        after: Option<String>,
        limit: usize,
    ) -> Result<(Vec<@{Item}>, Option<@{Item}Id>), StoreError> {
        self.store.list(user_id, after, limit).await
    }
}
