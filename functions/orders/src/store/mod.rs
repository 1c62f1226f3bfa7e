//! The orders table.
//!
//! | item | pk | sk | gsi1pk | gsi1sk |
//! | --- | --- | --- | --- | --- |
//! | event of an order, who and why, and its outbox entry | `ORDER#<order>` | `EVENT#<sequence>` | | |
//! | what was heard of its payment | `ORDER#<order>` | `PAYMENT` | | |
//! | the order as it stands | `USER#<user>` | `ORDER#<order>` | `STATUS#<status>#<shard>` | `<order>` |
//! | answer to an idempotency key | `IDEMPOTENCY#<hash of the user>#<key>` | `IDEMPOTENCY` | | |
//! | counters of a 256th of the orders | `STATS#<shard>` | `STATS` | | |
//! | copy of a user | `USER#<user>` | `COPY` | | |
//! | copy of a product | `PRODUCT#<product>` | `COPY` | | |
//! | rate limit of a user | `LIMIT#writes#<user>` | `BUCKET` | | |
//! | checkout that is started over later | `DEFERRED` | `ORDER#<order>` | `DEFERRED` | `<when>#<order>` |
//! | order that could be neither finished nor undone | `PARKED` | `ORDER#<order>` | | |
//!
//! | access pattern | how |
//! | --- | --- |
//! | place an order | one BatchGetItem (copies, key, limit), one TransactWriteItems (events, view, key, limit) |
//! | a customer's order by id | GetItem `USER#`, `ORDER#`: another's order is simply not there |
//! | a customer's orders, newest first | Query `USER#`, prefix `ORDER#`, backwards: ids sort by time |
//! | an order by id alone | GetItem of its first event, which says whose it is; then as above |
//! | its history | Query `ORDER#`, prefix `EVENT#` |
//! | an order at a past moment | GetItem of events, halving, for the last one of that moment; then Query back to a snapshot |
//! | counters | three BatchGetItem, and a Query of gsi1 per shard for those that are pending |
//! | rebuild the views | Scan for first events; Query of each log |
//! | orders that nobody paid, the oldest first | Query of gsi1, `STATUS#pending#<shard>` |
//! | checkouts that are due, the oldest first | Query of gsi1, `DEFERRED` |
//! | parked orders, the oldest first | Query `PARKED` |
//! | all orders (of a status), newest first | Query of gsi1 per status and shard, merged by id |

mod copies;
mod counters;
mod lists;
mod log;
mod unfinished;

use std::collections::{BTreeMap, HashMap};

use contracts::{Cause, CheckoutStarted, OrderEvent};
use dynamo::{
    Answer, AttributeValue, Claim, Item, Key, Scan, StoreError, Table, TransactError, Write, item, number, text,
};
use futures::future::try_join_all;
use kernel::{OrderId, Timestamp, UserId};

use crate::domain::{Actor, Order, Payment, Status};

pub use copies::{Known, KnownUser};
pub use counters::Count;
pub use lists::SHARDS;
pub use log::{Entry, SNAPSHOT_EVERY};
pub use unfinished::{Deferred, Parked};

/// A checkout starts among the first events of an order; so many are looked at together.
const CHECKOUT_WITHIN: usize = 4;

/// The table of orders.
pub struct Store {
    table: Table,
}

/// Who changes an order, when, why and following from what.
#[derive(Debug, Clone)]
pub struct Act {
    /// Who.
    pub by: Actor,
    /// Why, in their words.
    pub reason: Option<String>,
    /// When.
    pub now: Timestamp,
    /// What the events name as their cause.
    pub cause: Cause,
}

/// What happened to an order.
#[derive(Debug, Clone)]
pub struct Change<'a> {
    /// What it was before; nothing, if it is new.
    pub before: Option<Status>,
    /// What it is now.
    pub order: &'a Order,
    /// What has made it so.
    pub events: Vec<OrderEvent>,
    /// Who did it.
    pub act: &'a Act,
}

/// What else a change writes or depends on.
#[derive(Default)]
pub struct Beside<'a> {
    /// The answer to an idempotency key.
    pub claimed: Option<(&'a Claim, &'a Answer)>,
    /// What the customer's rate limit charges.
    pub charge: Option<Write>,
    /// What was known of the payment, if the change depends on it: the outer option is whether it does.
    pub payment: Option<Option<&'a Payment>>,
}

/// What became of an append.
#[derive(Debug)]
pub enum Appended {
    /// It is written.
    Done,
    /// The idempotency key has an answer.
    Answered(Item),
    /// The customer's rate limit was charged by others meanwhile; it now stands so.
    Charged(Item),
    /// The log has grown meanwhile, or more was heard of the payment.
    Conflict,
}

fn view_key(user_id: UserId, id: OrderId) -> Key {
    Key::new(format!("USER#{user_id}"), format!("ORDER#{id}"))
}

fn payment_key(id: OrderId) -> Key {
    Key::new(log::pk(id), "PAYMENT")
}

impl Store {
    /// Over a table.
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// The table itself.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Appends what happened to an order to its log: events, view, counters and what is written beside in one transaction.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn append(&self, change: Change<'_>, beside: Beside<'_>) -> Result<Appended, StoreError> {
        let mut writes = Vec::new();
        let (claimed, charged) = (beside.claimed.is_some(), beside.charge.is_some());
        if let Some((claim, answer)) = beside.claimed {
            writes.push(claim.store(answer, change.act.now)?);
        }
        writes.extend(beside.charge);
        writes.extend(beside.payment.map(|seen| unchanged(change.order.id, seen)));
        writes.push(Write::put(view_item(change.order)?));
        writes.extend(counters::write(change.before, change.order));
        writes.extend(log::writes(change)?);
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

    /// The order that its log has made: the slow and certain way.
    ///
    /// # Errors
    /// When the table does not answer or holds what cannot be read.
    pub async fn replayed(&self, id: OrderId) -> Result<Option<Order>, StoreError> {
        log::replay(&self.table, id).await
    }

    /// The order as it stood at `moment`, if it was placed by then. It has `length` events by now.
    ///
    /// # Errors
    /// As [`Store::replayed`].
    pub async fn at(&self, id: OrderId, length: u64, moment: Timestamp) -> Result<Option<Order>, StoreError> {
        log::at(&self.table, id, length, moment).await
    }

    /// Up to `limit` entries of the log behind the place `after`, and whether there are more.
    ///
    /// # Errors
    /// As [`Store::replayed`].
    pub async fn history(&self, id: OrderId, after: u64, limit: usize) -> Result<(Vec<Entry>, bool), StoreError> {
        log::page(&self.table, id, after, limit).await
    }

    /// The last `limit` entries of the log, the last first, and whether there are more.
    ///
    /// # Errors
    /// As [`Store::replayed`].
    pub async fn latest(&self, id: OrderId, limit: usize) -> Result<(Vec<Entry>, bool), StoreError> {
        log::latest(&self.table, id, limit).await
    }

    /// What the checkout of an order was started with, and what it follows from; nothing, if it was not started.
    ///
    /// # Errors
    /// As [`Store::replayed`].
    pub async fn checkout(&self, id: OrderId) -> Result<Option<(CheckoutStarted, Cause)>, StoreError> {
        let mut after = 0;
        loop {
            let (entries, more) = self.history(id, after, CHECKOUT_WITHIN).await?;
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

    /// The order as it stands, whosever it is: its first event says that. A view that is gone is replayed.
    ///
    /// # Errors
    /// As [`Store::replayed`].
    pub async fn order(&self, id: OrderId) -> Result<Option<Order>, StoreError> {
        let Some(first) = log::first(&self.table, id).await? else {
            return Ok(None);
        };
        let view = match first.event {
            OrderEvent::OrderPlaced(placed) => self.view(placed.user_id, id).await?,
            _ => None,
        };
        match view {
            Some(order) => Ok(Some(order)),
            None => self.replayed(id).await,
        }
    }

    /// A user's order as it stands.
    ///
    /// # Errors
    /// As [`Store::replayed`].
    pub async fn view(&self, user_id: UserId, id: OrderId) -> Result<Option<Order>, StoreError> {
        self.table.get(&view_key(user_id, id)).await
    }

    /// How many orders there are in each state, and of how much money. An order that becomes paid meanwhile may be counted in two states.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn counts(&self) -> Result<BTreeMap<Status, Count>, StoreError> {
        let pending = try_join_all((0..SHARDS).map(|shard| self.count_pending(shard)));
        let (pending, mut counts) = futures::try_join!(pending, counters::read(&self.table))?;
        counts.insert(Status::Pending, pending.into_iter().fold(Count::default(), Count::plus));
        Ok(counts)
    }

    async fn count_pending(&self, shard: u8) -> Result<Count, StoreError> {
        let (mut count, mut after) = (Count::default(), None);
        loop {
            let (orders, more) = self.pending(shard, after).await?;
            after = orders.last().map(|order| order.id);
            count = orders.iter().map(Count::one).fold(count, Count::plus);
            if !more {
                return Ok(count);
            }
        }
    }

    /// Some orders of all there ever were, by their logs, and where to go on.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn some_orders(&self, from: Option<Key>) -> Result<(Vec<OrderId>, Option<Key>), StoreError> {
        let scan = Scan { filter: "sk = :first", values: Item::from([text(":first", log::sk(1))]), keys_only: true };
        let start = from.map(|key| Item::from([text("pk", key.pk), text("sk", key.sk)]));
        let found = self.table.scan(&scan, start).await?;
        let next = found.next.map(|last| self.table.read::<LastKey>(last)).transpose()?;
        Ok((found.items.iter().filter_map(log::order_of).collect(), next.map(|last| Key::new(last.pk, last.sk))))
    }

    /// Writes the view of an order as its log has it, unless a newer one is there.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn rebuild_view(&self, order: &Order) -> Result<bool, StoreError> {
        let put = Write::put(view_item(order)?).only_if("attribute_not_exists(pk) OR #sequence <= :sequence");
        self.table.write_if_allowed(put.with([number(":sequence", order.sequence)])).await
    }
}

fn view_item(order: &Order) -> Result<HashMap<String, AttributeValue>, StoreError> {
    let mut view = item(&view_key(order.user_id, order.id), order)?;
    view.extend(lists::place(order));
    Ok(view)
}

/// The condition that a payment's copy is still the one that was `seen`.
fn unchanged(id: OrderId, seen: Option<&Payment>) -> Write {
    let check = Write::check(payment_key(id));
    match seen {
        Some(payment) => check.only_if("#version = :version").with([number(":version", payment.version)]),
        None => check.only_if("attribute_not_exists(pk)"),
    }
}

#[derive(serde::Deserialize)]
struct LastKey {
    pk: String,
    sk: String,
}
