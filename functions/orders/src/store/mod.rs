//! The orders table.
//!
//! | item | pk | sk | gsi1pk | gsi1sk |
//! | --- | --- | --- | --- | --- |
//! | event of an order, who and why, and outbox entry | `ORDER#<order>` | `EVENT#<sequence>` | | |
//! | replica of the payment | `ORDER#<order>` | `PAYMENT` | | |
//! | read model of an order | `USER#<user>` | `ORDER#<order>` | `STATUS#<status>#<shard>` | `<order>` |
//! | stored response of an idempotency key | `IDEMPOTENCY#<hash of the user>#<key>` | `IDEMPOTENCY` | | |
//! | counters of a 256th of the orders | `STATS#<shard>` | `STATS` | | |
//! | replica of a user | `USER#<user>` | `COPY` | | |
//! | replica of a product | `PRODUCT#<product>` | `COPY` | | |
//! | rate limit of a user | `LIMIT#writes#<user>` | `BUCKET` | | |
//! | deferred checkout | `DEFERRED` | `ORDER#<order>` | `DEFERRED` | `<due at>#<order>` |
//! | parked order | `PARKED` | `ORDER#<order>` | | |
//!
//! | access pattern | requests |
//! | --- | --- |
//! | place an order | BatchGetItem (replicas, key, limit), TransactWriteItems (events, read model, key, limit) |
//! | a customer's order by id | GetItem `USER#`, `ORDER#`; the order of another customer is not there |
//! | a customer's orders, newest first | Query `USER#`, prefix `ORDER#`, descending: ids sort by time |
//! | an order by its id alone | GetItem of its first event, which names the customer; then as above |
//! | the history of an order | Query `ORDER#`, prefix `EVENT#` |
//! | an order at a past moment | GetItem of events (binary search by time), then Query back to a snapshot |
//! | counters | three BatchGetItem; for pending orders a Query of gsi1 per shard |
//! | rebuild the read models | Scan for first events; Query of each log |
//! | unpaid orders, oldest first | Query of gsi1, `STATUS#pending#<shard>` |
//! | due checkouts, oldest first | Query of gsi1, `DEFERRED` |
//! | parked orders, oldest first | Query `PARKED` |
//! | all orders (of a status), newest first | Query of gsi1 per status and shard, merged by id |

mod change;
mod counters;
mod lists;
mod log;
mod replicas;
mod unfinished;

use std::collections::{BTreeMap, HashMap};

use contracts::{Cause, CheckoutStarted, OrderEvent};
use dynamo::{AttributeValue, Item, Key, Scan, StoreError, Table, TransactError, Write, item, number, text};
use futures::future::try_join_all;
use kernel::{OrderId, Timestamp, UserId};

use crate::domain::{Order, Status};

pub use change::{Appended, AuditContext, Change, TransactionExtras};
pub use counters::Count;
pub use lists::SHARDS;
pub use log::{Entry, SNAPSHOT_EVERY};
pub use replicas::{PlacementContext, UserReplica};
pub use unfinished::{Deferred, Parked};

/// The page size of the search for `CheckoutStarted`, which is among the first events of an order.
const CHECKOUT_PAGE: usize = 4;

/// The orders table.
pub struct Store {
    table: Table,
}

fn read_model_key(user_id: UserId, id: OrderId) -> Key {
    Key::new(format!("USER#{user_id}"), format!("ORDER#{id}"))
}

impl Store {
    /// Uses `table`.
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// Returns the table.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Appends the events of a change to the log of the order, and writes its read model, the counters and the `extras`
    /// in the same transaction.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn append(&self, change: Change<'_>, extras: TransactionExtras<'_>) -> Result<Appended, StoreError> {
        let mut writes = Vec::new();
        let (has_idempotency_key, has_rate_limit_charge) =
            (extras.idempotency.is_some(), extras.rate_limit_charge.is_some());
        if let Some((idempotency_key, response)) = extras.idempotency {
            writes.push(idempotency_key.store(response, change.audit.now)?);
        }
        writes.extend(extras.rate_limit_charge);
        writes.extend(extras.expected_payment.map(|expected| replicas::payment_unchanged(change.order.id, expected)));
        writes.push(Write::put(read_model_item(change.order)?));
        writes.extend(counters::write(change.previous_status, change.order));
        writes.extend(log::writes(change)?);
        match self.table.transact(writes).await {
            Ok(()) => Ok(Appended::Done),
            Err(TransactError::Refused(refusal)) => {
                let response = refusal.found(0).filter(|_| has_idempotency_key);
                let bucket = refusal.found(usize::from(has_idempotency_key)).filter(|_| has_rate_limit_charge);
                Ok(match (response, bucket) {
                    (Some(response), _) => Appended::Replayed(response.clone()),
                    (None, Some(bucket)) => Appended::RateLimitContended(bucket.clone()),
                    (None, None) => Appended::Conflict,
                })
            }
            Err(TransactError::Store(error)) => Err(error),
        }
    }

    /// Replays the order from its whole log.
    ///
    /// # Errors
    /// If the table does not respond, or an item cannot be read.
    pub async fn replay(&self, id: OrderId) -> Result<Option<Order>, StoreError> {
        log::replay(&self.table, id).await
    }

    /// Returns the order as it was at `moment`, or `None` if it was placed later. Now it has `length` events.
    ///
    /// # Errors
    /// If the table does not respond, or an item cannot be read.
    pub async fn order_at(&self, id: OrderId, length: u64, moment: Timestamp) -> Result<Option<Order>, StoreError> {
        log::order_at(&self.table, id, length, moment).await
    }

    /// Returns up to `limit` entries of the log after the sequence number `after`, and whether there are more.
    ///
    /// # Errors
    /// If the table does not respond, or an item cannot be read.
    pub async fn history(&self, id: OrderId, after: u64, limit: usize) -> Result<(Vec<Entry>, bool), StoreError> {
        log::page(&self.table, id, after, limit).await
    }

    /// Returns the last `limit` entries of the log, the last one first, and whether there are more.
    ///
    /// # Errors
    /// If the table does not respond, or an item cannot be read.
    pub async fn latest_entries(&self, id: OrderId, limit: usize) -> Result<(Vec<Entry>, bool), StoreError> {
        log::latest_entries(&self.table, id, limit).await
    }

    /// Returns the `CheckoutStarted` of an order with its cause, or `None` if its checkout was not started.
    ///
    /// # Errors
    /// If the table does not respond, or an item cannot be read.
    pub async fn started_checkout(&self, id: OrderId) -> Result<Option<(CheckoutStarted, Cause)>, StoreError> {
        let mut after = 0;
        loop {
            let (entries, more) = self.history(id, after, CHECKOUT_PAGE).await?;
            after = entries.last().map_or(after, |last| last.envelope.sequence);
            for Entry { envelope, .. } in entries {
                let cause = envelope.as_cause();
                if let OrderEvent::CheckoutStarted(checkout) = envelope.event {
                    return Ok(Some((checkout, cause)));
                }
            }
            if !more {
                return Ok(None);
            }
        }
    }

    /// Returns an order, whose customer is named by its first event. If the read model is missing, the log is replayed.
    ///
    /// # Errors
    /// If the table does not respond, or an item cannot be read.
    pub async fn order(&self, id: OrderId) -> Result<Option<Order>, StoreError> {
        let Some(first) = log::first(&self.table, id).await? else {
            return Ok(None);
        };
        let read_model = match first.event {
            OrderEvent::OrderPlaced(placed) => self.read_model(placed.user_id, id).await?,
            _ => None,
        };
        match read_model {
            Some(order) => Ok(Some(order)),
            None => self.replay(id).await,
        }
    }

    /// Returns the read model of a user's order.
    ///
    /// # Errors
    /// If the table does not respond, or an item cannot be read.
    pub async fn read_model(&self, user_id: UserId, id: OrderId) -> Result<Option<Order>, StoreError> {
        self.table.get(&read_model_key(user_id, id)).await
    }

    /// Returns the number of orders in each status, and their totals. An order that is paid while this runs may be
    /// counted in two of them.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn counts(&self) -> Result<BTreeMap<Status, Count>, StoreError> {
        let pending = try_join_all((0..SHARDS).map(|shard| self.count_pending_in_shard(shard)));
        let (pending, mut counts) = futures::try_join!(pending, counters::read(&self.table))?;
        counts.insert(Status::Pending, pending.into_iter().fold(Count::default(), Count::plus));
        Ok(counts)
    }

    async fn count_pending_in_shard(&self, shard: u8) -> Result<Count, StoreError> {
        let (mut count, mut after) = (Count::default(), None);
        loop {
            let (orders, more) = self.pending_orders(shard, after).await?;
            after = orders.last().map(|order| order.id);
            count = orders.iter().map(Count::one).fold(count, Count::plus);
            if !more {
                return Ok(count);
            }
        }
    }

    /// Scans for the first events of orders. Returns some ids, and where the scan continues.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn scan_orders(&self, from: Option<Key>) -> Result<(Vec<OrderId>, Option<Key>), StoreError> {
        let scan = Scan { filter: "sk = :first", values: Item::from([text(":first", log::sk(1))]), keys_only: true };
        let start = from.map(|key| Item::from([text("pk", key.pk), text("sk", key.sk)]));
        let found = self.table.scan(&scan, start).await?;
        let next = found.next.map(|last| self.table.read::<LastKey>(last)).transpose()?;
        Ok((found.items.iter().filter_map(log::order_of).collect(), next.map(|last| Key::new(last.pk, last.sk))))
    }

    /// Writes the read model of `order`, as replayed from its log, unless a newer one is stored. Returns whether it was
    /// written.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn rebuild_read_model(&self, order: &Order) -> Result<bool, StoreError> {
        let put = Write::put(read_model_item(order)?).only_if("attribute_not_exists(pk) OR #sequence <= :sequence");
        self.table.write_if_allowed(put.with([number(":sequence", order.sequence)])).await
    }
}

fn read_model_item(order: &Order) -> Result<HashMap<String, AttributeValue>, StoreError> {
    let mut read_model = item(&read_model_key(order.user_id, order.id), order)?;
    read_model.extend(lists::index_keys(order));
    Ok(read_model)
}

#[derive(serde::Deserialize)]
struct LastKey {
    pk: String,
    sk: String,
}
