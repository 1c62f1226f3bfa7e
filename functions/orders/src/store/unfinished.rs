//! Checkouts that were neither completed nor compensated: deferred while the payment provider is unavailable, or parked
//! for an operator.

use dynamo::{Item, Key, Query, StoreError, Write, item, number, text};
use kernel::{OrderId, Timestamp};
use serde::{Deserialize, Serialize};

use super::Store;

const DEFERRED: &str = "DEFERRED";
const PARKED: &str = "PARKED";

/// How many entries are read in one request.
const PAGE: usize = 100;

/// A checkout that starts again when it is due. The entry stays while its order is pending: whoever starts attempt n
/// makes it due again as n + 1, in case attempt n dies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deferred {
    /// The order.
    pub order_id: OrderId,
    /// The attempt that is started next; the first attempt of an order is 0.
    pub attempt: u32,
    /// When it is started.
    pub due_at: Timestamp,
}

/// An order whose checkout could be neither completed nor compensated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// The order.
    pub order_id: OrderId,
    /// The error of the last step.
    pub failure: String,
    /// When it was parked.
    pub parked_at: Timestamp,
    /// The attempt that failed.
    #[serde(default)]
    pub attempt: u32,
}

fn key(list: &str, id: OrderId) -> Key {
    Key::new(list, format!("ORDER#{id}"))
}

fn deferred_item(deferred: &Deferred) -> Result<Item, StoreError> {
    let mut whole = item(&key(DEFERRED, deferred.order_id), deferred)?;
    whole.extend([text("gsi1pk", DEFERRED), text("gsi1sk", format!("{}#{}", deferred.due_at, deferred.order_id))]);
    Ok(whole)
}

impl Store {
    /// Defers a checkout, unless a later attempt was started in the meantime.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn defer(&self, deferred: &Deferred) -> Result<(), StoreError> {
        let put = Write::put(deferred_item(deferred)?).only_if("attribute_not_exists(pk) OR #attempt <= :attempt");
        self.table.write_if_allowed(put.with([number(":attempt", deferred.attempt)])).await.map(drop)
    }

    /// Makes a started checkout due again, unless its execution has deferred it in the meantime.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn reschedule(&self, seen: &Deferred, again: &Deferred) -> Result<(), StoreError> {
        let put = Write::put(deferred_item(again)?).only_if("#attempt = :seen");
        self.table.write_if_allowed(put.with([number(":seen", seen.attempt)])).await.map(drop)
    }

    /// Deletes the entry of a deferred checkout, unless it was changed since it was read.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn delete_deferred(&self, seen: &Deferred) -> Result<(), StoreError> {
        let delete = Write::delete(key(DEFERRED, seen.order_id)).only_if("#attempt = :seen");
        self.table.write_if_allowed(delete.with([number(":seen", seen.attempt)])).await.map(drop)
    }

    /// Returns the deferred checkout of an order.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn deferred(&self, id: OrderId) -> Result<Option<Deferred>, StoreError> {
        self.table.get(&key(DEFERRED, id)).await
    }

    /// Returns some of the checkouts that are due at `now` after the entry `after`, the oldest first, and whether there
    /// are more. The index may lag behind.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn due_checkouts(
        &self,
        now: Timestamp,
        after: Option<&Deferred>,
    ) -> Result<(Vec<Deferred>, bool), StoreError> {
        let query = Query {
            index: Some("gsi1"),
            pk: DEFERRED.to_owned(),
            sk_prefix: "",
            after: after.map(|last| format!("{}#{}", last.due_at, last.order_id)),
            descending: false,
            limit: PAGE,
        };
        let page = self.table.page::<Deferred>(&query).await?;
        let found = page.items.len();
        let due: Vec<Deferred> = page.items.into_iter().take_while(|deferred| deferred.due_at <= now).collect();
        let more = page.more && due.len() == found;
        Ok((due, more))
    }

    /// Parks an order, so that operators see it.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn park(&self, parked: &Parked) -> Result<(), StoreError> {
        let put = Write::put(item(&key(PARKED, parked.order_id), parked)?);
        self.table.write_if_allowed(put).await.map(drop)
    }

    /// Deletes the entry of a parked order, unless it was parked again since it was read.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn unpark(&self, seen: &Parked) -> Result<(), StoreError> {
        let delete = Write::delete(key(PARKED, seen.order_id)).only_if("parked_at = :seen");
        self.table.write_if_allowed(delete.with([text(":seen", seen.parked_at)])).await.map(drop)
    }

    /// Returns the entry of a parked order.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn parked(&self, id: OrderId) -> Result<Option<Parked>, StoreError> {
        self.table.get(&key(PARKED, id)).await
    }

    /// Returns a page of the parked orders after `after`, the oldest order first, and whether there are more.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn parked_orders(&self, after: Option<OrderId>, limit: usize) -> Result<(Vec<Parked>, bool), StoreError> {
        let query = Query {
            index: None,
            pk: PARKED.to_owned(),
            sk_prefix: "ORDER#",
            after: after.map(|id| key(PARKED, id).sk),
            descending: false,
            limit,
        };
        let page = self.table.page(&query).await?;
        Ok((page.items, page.more))
    }
}
