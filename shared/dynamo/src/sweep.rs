//! The whole of a table, for the commands of operators: no request waits for it.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{DeleteRequest, WriteRequest};
use kernel::Chain;

use crate::{Item, Key, StoreError, Table, write::pause};

/// How many items one call deletes at most.
const BATCH: usize = 25;

/// Which items of a table.
#[derive(Debug, Clone)]
pub struct Scan<'a> {
    /// What holds for them.
    pub filter: &'a str,
    /// The values that the filter names.
    pub values: Item,
    /// Only their keys.
    pub keys_only: bool,
}

/// Some of the items that a scan finds.
#[derive(Debug)]
pub struct Scanned {
    /// They come in no order.
    pub items: Vec<Item>,
    /// Where the scan goes on, if it does.
    pub next: Option<Item>,
}

impl Table {
    /// The next items of `scan`, perhaps none; strongly consistent.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn scan(&self, scan: &Scan<'_>, start: Option<Item>) -> Result<Scanned, StoreError> {
        let answer = self
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
        Ok(Scanned { items: answer.items.unwrap_or_default(), next: answer.last_evaluated_key })
    }

    /// Removes the items at `keys`, in batches.
    ///
    /// # Errors
    /// When the table does not answer; some may be gone by then.
    pub async fn delete_many(&self, keys: &[Key]) -> Result<(), StoreError> {
        for keys in keys.chunks(BATCH) {
            let delete = |key: &Key| {
                let request = DeleteRequest::builder().set_key(Some(key.attributes())).build();
                let request = request.map_err(|error| self.failed("delete items", error))?;
                Ok(WriteRequest::builder().delete_request(request).build())
            };
            let deletes: Vec<WriteRequest> = keys.iter().map(delete).collect::<Result<_, _>>()?;
            let mut left = HashMap::from([(self.name.clone(), deletes)]);
            let mut attempt = 1;
            while !left.is_empty() {
                let sent = self.client.batch_write_item().set_request_items(Some(left)).send().await;
                let answer = sent.map_err(|error| self.failed("delete items", Chain(error)))?;
                left = answer.unprocessed_items.unwrap_or_default();
                if !left.is_empty() {
                    pause(attempt).await;
                    attempt = (attempt + 1).min(8);
                }
            }
        }
        Ok(())
    }
}
