//! The orders table.
//!
//! | item | pk | sk | gsi1pk | gsi1sk |
//! | --- | --- | --- | --- | --- |
//! | event of an order, and its outbox entry | `ORDER#<order>` | `EVENT#<sequence>` | | |
//! | the order as it stands | `USER#<user>` | `ORDER#<order>` | `STATUS#<status>#<shard>` | `<order>` |
//! | answer to an idempotency key | `IDEMPOTENCY#<hash of the user>#<key>` | `IDEMPOTENCY` | | |
//! | copy of a user | `USER#<user>` | `COPY` | | |
//! | copy of a product | `PRODUCT#<product>` | `COPY` | | |
//! | rate limit of a user | `LIMIT#writes#<user>` | `BUCKET` | | |
//! | order whose compensation failed | `PARKED` | `ORDER#<order>` | | |
//!
//! | access pattern | how |
//! | --- | --- |
//! | place an order | one BatchGetItem (copies, key, limit), one TransactWriteItems (events, view, key, limit) |
//! | a customer's order by id | GetItem `USER#`, `ORDER#`: another's order is simply not there |
//! | a customer's orders, newest first | Query `USER#`, prefix `ORDER#`, backwards: ids sort by time |
//! | an order by id alone; its history | Query `ORDER#`, prefix `EVENT#`, replayed |
//! | all orders (of a status), newest first | Query of gsi1 per status and shard, merged by id |

use std::collections::HashMap;

use contracts::{Cause, Envelope, Event, OrderEvent};
use dynamo::{
    Answer, AttributeValue, Claim, Item, Key, Query, StoreError, Table, TransactError, Write, event_item, item, number,
    text,
};
use futures::future::try_join_all;
use kernel::{OrderId, ProductId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::domain::{Order, Product, Status, WantedLine};

/// Over how many partitions of the index the orders of one status are spread: 4 take 4,000 changes a second.
const SHARDS: u8 = 4;

pub struct Store {
    table: Table,
}

/// What the one read of a checkout brings.
pub struct Known {
    /// Whether there is such a user; nothing, if nobody has told of one.
    pub user: Option<bool>,
    pub products: HashMap<ProductId, Product>,
    pub answer: Option<Item>,
    pub bucket: Option<Item>,
}

/// What else a placement writes, and whether it was the one to do so.
#[derive(Default)]
pub struct Beside<'a> {
    /// The answer to an idempotency key.
    pub claimed: Option<(&'a Claim, &'a Answer)>,
    /// What the customer's rate limit charges.
    pub charge: Option<Write>,
}

/// What became of an append.
pub enum Appended {
    Done,
    /// The idempotency key has an answer.
    Answered(Item),
    /// The customer's rate limit was charged by others meanwhile; it now stands so.
    Charged(Item),
    /// The log has grown meanwhile.
    Conflict,
}

/// What `orders` remembers of a user.
#[derive(Debug, Serialize, Deserialize)]
pub struct KnownUser {
    pub user_id: UserId,
    /// Nothing can be ordered for them any more.
    #[serde(default)]
    pub deleted: bool,
    pub sequence: u64,
}

fn user_key(id: UserId) -> Key {
    Key::new(format!("USER#{id}"), "COPY")
}

fn product_key(id: ProductId) -> Key {
    Key::new(format!("PRODUCT#{id}"), "COPY")
}

fn view_key(user_id: UserId, id: OrderId) -> Key {
    Key::new(format!("USER#{user_id}"), format!("ORDER#{id}"))
}

fn event_key(id: OrderId, sequence: u64) -> Key {
    Key::new(format!("ORDER#{id}"), format!("EVENT#{sequence:06}"))
}

impl Store {
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// All that placing an order has to know, in one read.
    pub async fn known(
        &self,
        user_id: UserId,
        wanted: &[WantedLine],
        claim: Option<&Claim>,
        bucket: Option<&Key>,
    ) -> Result<Known, StoreError> {
        let mut keys = vec![user_key(user_id)];
        keys.extend(bucket.cloned());
        keys.extend(claim.map(|claim| claim.key().clone()));
        let mut found = self.get_with_products(keys, wanted).await?;
        let user: Option<KnownUser> = found.remove(&user_key(user_id)).map(|item| self.table.read(item)).transpose()?;
        Ok(Known {
            user: user.map(|user| !user.deleted),
            answer: claim.and_then(|claim| found.remove(claim.key())),
            bucket: bucket.and_then(|bucket| found.remove(bucket)),
            products: self.read_products(found)?,
        })
    }

    pub async fn products(&self, wanted: &[WantedLine]) -> Result<HashMap<ProductId, Product>, StoreError> {
        let found = self.get_with_products(Vec::new(), wanted).await?;
        self.read_products(found)
    }

    async fn get_with_products(
        &self,
        mut keys: Vec<Key>,
        wanted: &[WantedLine],
    ) -> Result<HashMap<Key, Item>, StoreError> {
        let mut products: Vec<ProductId> = wanted.iter().map(|line| line.product_id).collect();
        products.sort_unstable();
        products.dedup();
        keys.extend(products.into_iter().map(product_key));
        self.table.get_many(&keys).await
    }

    fn read_products(&self, found: HashMap<Key, Item>) -> Result<HashMap<ProductId, Product>, StoreError> {
        let products =
            found.into_iter().filter(|(key, item)| key.pk.starts_with("PRODUCT#") && !item.contains_key("archived"));
        products
            .map(|(_, item)| self.table.read::<Product>(item).map(|product| (product.product_id, product)))
            .collect()
    }

    /// Appends `events`, which have made `order`, to its log: events, view and what is written beside in one transaction.
    pub async fn append(
        &self,
        order: &Order,
        events: Vec<OrderEvent>,
        now: Timestamp,
        cause: &Cause,
        beside: Beside<'_>,
    ) -> Result<Appended, StoreError> {
        let first = order.sequence - events.len() as u64 + 1;
        let mut writes = Vec::new();
        let (claimed, charged) = (beside.claimed.is_some(), beside.charge.is_some());
        if let Some((claim, answer)) = beside.claimed {
            writes.push(claim.store(answer, now)?);
        }
        writes.extend(beside.charge);
        for (event, sequence) in events.into_iter().zip(first..) {
            let envelope = Envelope::new(event, order.id, sequence, now, cause);
            writes.push(Write::put(event_item(&event_key(order.id, sequence), &envelope)?).if_absent());
        }
        writes.push(Write::put(view_item(order)?));
        match self.table.transact(writes).await {
            Ok(()) => Ok(Appended::Done),
            Err(TransactError::Refused(refusal)) => {
                let answer = refusal.found(0).filter(|_| claimed);
                let bucket = refusal.found(usize::from(claimed)).filter(|_| charged);
                Ok(match (answer, bucket) {
                    (Some(answer), _) => Appended::Answered(answer.clone()),
                    (None, Some(bucket)) => Appended::Charged(bucket.clone()),
                    (None, None) => Appended::Conflict,
                })
            }
            Err(TransactError::Store(error)) => Err(error),
        }
    }

    /// All events of an order, from the first.
    pub async fn log(&self, id: OrderId) -> Result<Vec<Envelope<OrderEvent>>, StoreError> {
        #[derive(Deserialize)]
        struct Entry {
            envelope: String,
        }
        let entries: Vec<Entry> = self.table.all(&format!("ORDER#{id}"), "EVENT#").await?;
        // An event that this build cannot read must not be left out of an order: that is an error, not a gap.
        let read = |entry: Entry| serde_json::from_str(&entry.envelope);
        let log: Result<_, serde_json::Error> = entries.into_iter().map(read).collect();
        log.map_err(|error| StoreError::unreadable(OrderEvent::SOURCE, error))
    }

    pub async fn view(&self, user_id: UserId, id: OrderId) -> Result<Option<Order>, StoreError> {
        self.table.get(&view_key(user_id, id)).await
    }

    pub async fn of_user(
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

    pub async fn of_all(
        &self,
        status: Option<Status>,
        after: Option<String>,
        limit: usize,
    ) -> Result<(Vec<Order>, bool), StoreError> {
        let statuses = status.map_or(Status::ALL.to_vec(), |status| vec![status]);
        let partitions =
            statuses.iter().flat_map(|status| (0..SHARDS).map(move |shard| format!("STATUS#{status}#{shard}")));
        let queries: Vec<Query<'_>> = partitions
            .map(|pk| Query { index: Some("gsi1"), pk, sk_prefix: "", after: after.clone(), descending: true, limit })
            .collect();
        let pages = try_join_all(queries.iter().map(|query| self.table.page::<Order>(query))).await?;
        let mut more = pages.iter().any(|page| page.more);
        let mut orders: Vec<Order> = pages.into_iter().flat_map(|page| page.items).collect();
        // The index lags: an order that changes meanwhile may be read in two states. The later one counts.
        orders.sort_unstable_by_key(|order| std::cmp::Reverse((order.id, order.sequence)));
        orders.dedup_by_key(|order| order.id);
        more |= orders.len() > limit;
        orders.truncate(limit);
        Ok((orders, more))
    }

    /// Keeps what was heard of a user or a product, unless something newer is known.
    pub async fn remember_user(&self, user: &KnownUser) -> Result<(), StoreError> {
        self.remember(item(&user_key(user.user_id), user)?, user.sequence).await
    }

    /// As [`Store::remember_user`].
    pub async fn remember_product(&self, product: &Product) -> Result<(), StoreError> {
        self.remember(item(&product_key(product.product_id), product)?, product.sequence).await
    }

    /// Keeps only that there was such a product: what is heard late of it does not bring it back.
    pub async fn forget_product(&self, id: ProductId, sequence: u64) -> Result<(), StoreError> {
        let key = product_key(id);
        let mut gone = Item::from([text("pk", key.pk), text("sk", key.sk), text("archived", "yes")]);
        gone.extend([number("sequence", sequence)]);
        self.remember(gone, sequence).await
    }

    async fn remember(&self, copy: Item, sequence: u64) -> Result<(), StoreError> {
        self.table.write_if_allowed(Write::put(copy).if_newer(sequence)).await.map(drop)
    }

    /// Puts an order whose compensation failed where an operator sees it.
    pub async fn park(&self, id: OrderId, failure: &str, now: Timestamp) -> Result<(), StoreError> {
        let mut parked = Item::from([text("failure", failure), text("parked_at", now), text("order_id", id)]);
        parked.extend([text("pk", "PARKED"), text("sk", format!("ORDER#{id}"))]);
        self.table.write_if_allowed(Write::put(parked)).await.map(drop)
    }
}

fn view_item(order: &Order) -> Result<HashMap<String, AttributeValue>, StoreError> {
    let mut view = item(&view_key(order.user_id, order.id), order)?;
    let shard = AsRef::<[u8]>::as_ref(&order.id).last().copied().unwrap_or_default() % SHARDS;
    view.extend([text("gsi1pk", format!("STATUS#{}#{shard}", order.status)), text("gsi1sk", order.id)]);
    Ok(view)
}
