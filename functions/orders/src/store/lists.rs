//! Lists of orders: those of one customer are sorted by the table itself, all others by status in its index.

use dynamo::{AttributeValue, Query, StoreError, text};
use futures::future::try_join_all;
use kernel::{OrderId, UserId};
use strum::VariantArray;

use crate::domain::{Order, Status};

use super::Store;

/// How many partitions of the index the orders of one status are spread over. Four take 4,000 changes a second.
pub const SHARDS: u8 = 4;

/// Returns the keys of an order in the index.
pub fn index_keys(order: &Order) -> [(String, AttributeValue); 2] {
    let shard = AsRef::<[u8]>::as_ref(&order.id).last().copied().unwrap_or_default() % SHARDS;
    [text("gsi1pk", format!("STATUS#{}#{shard}", order.status)), text("gsi1sk", order.id)]
}

impl Store {
    /// Returns a page of a user's orders, the newest first, and whether there are more.
    ///
    /// # Errors
    /// If the table does not respond, or an item cannot be read.
    pub async fn orders_of_user(
        &self,
        user_id: UserId,
        after: Option<String>,
        limit: usize,
    ) -> Result<(Vec<Order>, bool), StoreError> {
        let query = Query {
            index: None,
            pk: format!("USER#{user_id}"),
            sk_prefix: "ORDER#",
            after: after.map(|id| format!("ORDER#{id}")),
            descending: true,
            limit,
        };
        let page = self.table.page(&query).await?;
        Ok((page.items, page.more))
    }

    /// Returns a page of all orders, or of those in one status, the newest first, and whether there are more. The index
    /// may lag behind.
    ///
    /// # Errors
    /// If the table does not respond, or an item cannot be read.
    pub async fn all_orders(
        &self,
        status: Option<Status>,
        after: Option<String>,
        limit: usize,
    ) -> Result<(Vec<Order>, bool), StoreError> {
        let statuses = status.map_or(Status::VARIANTS.to_vec(), |status| vec![status]);
        let partitions =
            statuses.iter().flat_map(|status| (0..SHARDS).map(move |shard| format!("STATUS#{status}#{shard}")));
        let queries: Vec<Query<'_>> = partitions
            .map(|pk| Query { index: Some("gsi1"), pk, sk_prefix: "", after: after.clone(), descending: true, limit })
            .collect();
        let pages = try_join_all(queries.iter().map(|query| self.table.page::<Order>(query))).await?;
        let mut more = pages.iter().any(|page| page.more);
        let mut orders: Vec<Order> = pages.into_iter().flat_map(|page| page.items).collect();
        // The index lags behind, so an order that changes now may be read in two statuses. The later one is returned.
        orders.sort_unstable_by_key(|order| std::cmp::Reverse((order.id, order.sequence)));
        orders.dedup_by_key(|order| order.id);
        more |= orders.len() > limit;
        orders.truncate(limit);
        Ok((orders, more))
    }

    /// Returns some pending orders of one shard after `after`, the oldest first, and whether there are more. The index
    /// may lag behind.
    ///
    /// # Errors
    /// If the table does not respond, or an item cannot be read.
    pub async fn pending_orders(&self, shard: u8, after: Option<OrderId>) -> Result<(Vec<Order>, bool), StoreError> {
        const PAGE: usize = 100;
        let query = Query {
            index: Some("gsi1"),
            pk: format!("STATUS#{}#{shard}", Status::Pending),
            sk_prefix: "",
            after: after.map(|id| id.to_string()),
            descending: false,
            limit: PAGE,
        };
        let page = self.table.page(&query).await?;
        Ok((page.items, page.more))
    }
}
