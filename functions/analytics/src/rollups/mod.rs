//! Figures of the shop, counted once per event.

use dynamo::{StoreError, Table};
use kernel::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// The rollups, over the context's table.
pub struct Rollups {
    table: Table,
}

/// The figures of the day that it is, for who follows them live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Today {
    /// The day in the shop's time zone: `2026-11-21`.
    pub day: String,
}

impl Rollups {
    /// Over the context's table.
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// The figures of the day that it is at `now`.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn today(&self, now: Timestamp) -> Result<Today, StoreError> {
        let _ = &self.table;
        Ok(Today { day: now.to_string().chars().take(10).collect() })
    }
}
