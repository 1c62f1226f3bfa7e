//! Scans and bulk deletions of a table, for operators' commands. Requests never use them.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{DeleteRequest, WriteRequest};
use kernel::Chain;

use crate::{Item, Key, StoreError, Table, write::pause};

/// The maximum number of items that DynamoDB deletes in one call.
const MAX_BATCH: usize = 25;

/// Which items of a table to read.
#[derive(Debug, Clone)]
pub struct Scan<'a> {
    /// The filter expression.
    pub filter: &'a str,
    /// The values that the filter uses.
    pub values: Item,
    /// Whether only the keys are read.
    pub keys_only: bool,
}

/// A page of a scan.
#[derive(Debug)]
pub struct Scanned {
    /// The items, in no particular order.
    pub items: Vec<Item>,
    /// The start of the next page, if there is one.
    pub next: Option<Item>,
}

impl Table {
    /// Reads the page of `scan` from `start` on, strongly consistent. A page may have no items.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn scan(&self, scan: &Scan<'_>, start: Option<Item>) -> Result<Scanned, StoreError> {
        let response = self
            .client
            .scan()
            .table_name(&self.name)
            .filter_expression(scan.filter)
            .set_expression_attribute_values(Some(scan.values.clone()))
            .set_projection_expression(scan.keys_only.then(|| "pk, sk".to_owned()))
            .consistent_read(true)
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(|error| self.failed("scan", Chain(error)))?;
        Ok(Scanned { items: response.items.unwrap_or_default(), next: response.last_evaluated_key })
    }

    /// Deletes the items at `keys`, in batches.
    ///
    /// # Errors
    /// If the table does not respond. Some items may have been deleted by then.
    pub async fn delete_many(&self, keys: &[Key]) -> Result<(), StoreError> {
        for keys in keys.chunks(MAX_BATCH) {
            let delete = |key: &Key| {
                let request = DeleteRequest::builder().set_key(Some(key.attributes())).build();
                let request = request.map_err(|error| self.failed("delete items", error))?;
                Ok(WriteRequest::builder().delete_request(request).build())
            };
            let deletes: Vec<WriteRequest> = keys.iter().map(delete).collect::<Result<_, _>>()?;
            let mut unprocessed = HashMap::from([(self.name.clone(), deletes)]);
            let mut attempt = 1;
            while !unprocessed.is_empty() {
                let sent = self.client.batch_write_item().set_request_items(Some(unprocessed)).send().await;
                let response = sent.map_err(|error| self.failed("delete items", Chain(error)))?;
                unprocessed = response.unprocessed_items.unwrap_or_default();
                if !unprocessed.is_empty() {
                    pause(attempt).await;
                    attempt = (attempt + 1).min(8);
                }
            }
        }
        Ok(())
    }
}
