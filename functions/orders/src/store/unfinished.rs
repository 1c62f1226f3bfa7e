//! Checkouts that are neither finished nor undone: deferred, because the payment provider is away, or parked, for a person to look at.

use dynamo::{Item, Key, Query, StoreError, Write, item, number, text};
use kernel::{OrderId, Timestamp};
use serde::{Deserialize, Serialize};

use super::Store;

const DEFERRED: &str = "DEFERRED";
const PARKED: &str = "PARKED";

/// How many entries are read at once.
const PAGE: usize = 100;

/// A checkout that is started over when it is due. The entry stays as long as its order is pending: whoever starts attempt n makes it
/// due again as n + 1, for the case that nothing becomes of n.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deferred {
    /// Of which order.
    pub order_id: OrderId,
    /// The execution that is to be started; the first of an order is 0.
    pub attempt: u32,
    /// When.
    pub due_at: Timestamp,
}

/// An order whose checkout could be neither finished nor undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// Which.
    pub order_id: OrderId,
    /// What the last step failed with.
    pub failure: String,
    /// When.
    pub parked_at: Timestamp,
    /// Which execution it was.
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
    /// Defers a checkout, unless a later attempt of it was started meanwhile.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn defer(&self, deferred: &Deferred) -> Result<(), StoreError> {
        let put = Write::put(deferred_item(deferred)?).only_if("attribute_not_exists(pk) OR #attempt <= :attempt");
        self.table.write_if_allowed(put.with([number(":attempt", deferred.attempt)])).await.map(drop)
    }

    /// Makes a checkout due again that was started, unless its execution has deferred it by itself meanwhile.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn defer_again(&self, seen: &Deferred, again: &Deferred) -> Result<(), StoreError> {
        let put = Write::put(deferred_item(again)?).only_if("#attempt = :seen");
        self.table.write_if_allowed(put.with([number(":seen", seen.attempt)])).await.map(drop)
    }

    /// Forgets a deferred checkout, if it still is the one that was seen.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn forget_deferred(&self, seen: &Deferred) -> Result<(), StoreError> {
        let delete = Write::delete(key(DEFERRED, seen.order_id)).only_if("#attempt = :seen");
        self.table.write_if_allowed(delete.with([number(":seen", seen.attempt)])).await.map(drop)
    }

    /// The deferred checkout of an order.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn deferred(&self, id: OrderId) -> Result<Option<Deferred>, StoreError> {
        self.table.get(&key(DEFERRED, id)).await
    }

    /// Some of the checkouts that are due at `now` behind the place of `after`, the oldest first, and whether there are more; the index
    /// lags.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn due(&self, now: Timestamp, after: Option<&Deferred>) -> Result<(Vec<Deferred>, bool), StoreError> {
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

    /// Puts an order where an operator sees it.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn park(&self, parked: &Parked) -> Result<(), StoreError> {
        let put = Write::put(item(&key(PARKED, parked.order_id), parked)?);
        self.table.write_if_allowed(put).await.map(drop)
    }

    /// Takes a parked order away, if it still is the one that was seen.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn unpark(&self, seen: &Parked) -> Result<(), StoreError> {
        let delete = Write::delete(key(PARKED, seen.order_id)).only_if("parked_at = :seen");
        self.table.write_if_allowed(delete.with([text(":seen", seen.parked_at)])).await.map(drop)
    }

    /// The entry of a parked order.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn parked(&self, id: OrderId) -> Result<Option<Parked>, StoreError> {
        self.table.get(&key(PARKED, id)).await
    }

    /// A page of the parked orders behind `after`, the oldest order first, and whether there are more.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn all_parked(&self, after: Option<OrderId>, limit: usize) -> Result<(Vec<Parked>, bool), StoreError> {
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
