//! The payments table.
//!
//! | item | pk | sk |
//! | --- | --- | --- |
//! | payment | `USER#<user>` | `PAYMENT#<payment>` |
//! | replica of an order's total | `PAYMENT#<payment>` | `COPY` |
//! | payment with pending refunds | `UNSETTLED` | `PAYMENT#<payment>` |
//! | counters, in 256 shards | `STATS#<shard>` | `STATS` |
//! | response to an idempotency key | `IDEMPOTENCY#<hash of the user>#<key>` | `IDEMPOTENCY` |
//! | outbox entry | `EVENT#<event>` | `EVENT` |
//! | circuit | `CIRCUIT` | `<provider>` |
//! | ledger of the simulator | `SIMULATOR#<order>` | `INTENT` |
//!
//! A payment's id is derived from the order's id, whose time it contains. The payment of an order is read by GetItem, a
//! user's payments by a Query in descending order. The key of another user's payment does not exist for a caller; an
//! administrator finds the payment by the replica of its order, which names the user.

use contracts::{Cause, Envelope, PaymentEvent};
use dynamo::{IdempotencyKey, Key, Query, StoreError, StoredResponse, Table, Write, count, item, number, outbox_item};
use kernel::{OrderId, PaymentId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    domain::{Due, Payment, payment_id},
    provider::circuit::Circuit,
};

pub struct Store {
    table: Table,
}

/// A write of a payment, with what is written in the same transaction.
pub struct Change<'a> {
    /// The payment after the change.
    pub payment: &'a Payment,
    /// The payment before the change, or `None` if it is new.
    pub before: Option<&'a Payment>,
    /// The events to publish.
    pub events: Vec<PaymentEvent>,
    /// The response to store under an idempotency key.
    pub response: Option<(&'a IdempotencyKey, &'a StoredResponse)>,
}

/// The entry of a payment with pending refunds.
#[derive(Debug, Serialize, Deserialize)]
pub struct Unsettled {
    /// The order, and who paid it.
    pub due: Due,
    /// When the first of the pending refunds was recorded.
    pub since: Timestamp,
}

fn payment_key(user_id: UserId, id: PaymentId) -> Key {
    Key::new(format!("USER#{user_id}"), format!("PAYMENT#{id}"))
}

fn replica_key(id: PaymentId) -> Key {
    Key::new(format!("PAYMENT#{id}"), "COPY")
}

fn unsettled_key(id: PaymentId) -> Key {
    Key::new("UNSETTLED", format!("PAYMENT#{id}"))
}

impl Store {
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    pub fn table(&self) -> &Table {
        &self.table
    }

    pub async fn find(&self, user_id: UserId, id: PaymentId) -> Result<Option<Payment>, StoreError> {
        self.table.get(&payment_key(user_id, id)).await
    }

    pub async fn of_order(&self, user_id: UserId, order_id: OrderId) -> Result<Option<Payment>, StoreError> {
        self.find(user_id, payment_id(order_id)).await
    }

    /// Reads the payment of an order with an eventually consistent read, which costs half as much as
    /// [`Store::of_order`].
    pub async fn of_order_eventually_consistent(
        &self,
        user_id: UserId,
        order_id: OrderId,
    ) -> Result<Option<Payment>, StoreError> {
        self.table.get_eventually_consistent(&payment_key(user_id, payment_id(order_id))).await
    }

    /// Reads the payment of an order and the circuit with the key `circuit` in one BatchGetItem.
    pub async fn of_order_with_circuit(
        &self,
        user_id: UserId,
        order_id: OrderId,
        circuit: Key,
    ) -> Result<(Option<Payment>, Option<Circuit>), StoreError> {
        let payment = payment_key(user_id, payment_id(order_id));
        let keys = [payment, circuit];
        let mut found = self.table.get_many(&keys).await?;
        let [payment, circuit] = keys.map(|key| found.remove(&key));
        let payment = payment.map(|item| self.table.read(item)).transpose()?;
        Ok((payment, circuit.map(|item| self.table.read(item)).transpose()?))
    }

    pub async fn of_user(
        &self,
        user_id: UserId,
        after: Option<String>,
        limit: usize,
    ) -> Result<(Vec<Payment>, bool), StoreError> {
        let query = Query {
            index: None,
            pk: format!("USER#{user_id}"),
            sk_prefix: "PAYMENT#",
            after: after.map(|id| format!("PAYMENT#{id}")),
            descending: true,
            limit,
        };
        let page = self.table.page(&query).await?;
        Ok((page.items, page.more))
    }

    /// Reads the replica of a payment's order, which never changes.
    pub async fn due(&self, id: PaymentId) -> Result<Option<Due>, StoreError> {
        self.table.get(&replica_key(id)).await
    }

    pub async fn put_order_replica(&self, due: &Due) -> Result<(), StoreError> {
        self.table
            .write_if_allowed(Write::put(item(&replica_key(payment_id(due.order_id)), due)?).if_absent())
            .await
            .map(drop)
    }

    /// Reads up to `limit` payments with pending refunds.
    pub async fn unsettled(&self, limit: usize) -> Result<Vec<Unsettled>, StoreError> {
        let pk = "UNSETTLED".to_owned();
        let query = Query { index: None, pk, sk_prefix: "", after: None, descending: false, limit };
        Ok(self.table.page(&query).await?.items)
    }

    /// Writes a payment with its events, its counters and the response to an idempotency key, in one transaction.
    /// Returns `false`, and writes nothing, if the payment has changed since it was read, or the key has a response
    /// already.
    pub async fn write(&self, change: Change<'_>, now: Timestamp, cause: &Cause) -> Result<bool, StoreError> {
        let Change { payment, before, events, response } = change;
        let mut writes = Vec::new();
        if let Some((key, response)) = response {
            writes.push(key.store(response, now)?);
        }
        let put = Write::put(item(&payment_key(payment.user_id, payment.id), payment)?);
        writes.push(match before {
            Some(before) => put.only_if("#version = :seen").with([number(":seen", before.version)]),
            None => put.if_absent(),
        });
        writes.extend(count(payment.id, counted(&events)));
        writes.extend(unsettled(before, payment, now)?);
        let first = payment.sequence + 1 - events.len() as u64;
        for (sequence, event) in (first..).zip(events) {
            writes.push(Write::put(outbox_item(&Envelope::new(event, payment.id, sequence, now, cause))?));
        }
        // A single write in a transaction costs twice as much as the write alone.
        match writes.pop() {
            Some(only) if writes.is_empty() => self.table.write_if_allowed(only).await,
            last => self.table.transact_if_allowed(writes.into_iter().chain(last).collect()).await,
        }
    }
}

/// Returns what the events add to the counters `captured`, `declined` and `refunded`, and to the minor units of each by
/// currency, such as `captured_USD`.
fn counted(events: &[PaymentEvent]) -> Vec<(String, i64)> {
    let counts = |event: &PaymentEvent| {
        let (what, amount) = match event {
            PaymentEvent::PaymentRequested(_) => return vec![],
            PaymentEvent::PaymentProcessed(payment) => ("captured", payment.amount),
            PaymentEvent::PaymentFailed(payment) => ("declined", payment.amount),
            PaymentEvent::PaymentRefunded(payment) => ("refunded", payment.amount),
        };
        vec![(what.to_owned(), 1), (format!("{what}_{}", amount.currency()), amount.minor())]
    };
    events.iter().flat_map(counts).collect()
}

/// Returns the write of the entry of a payment with pending refunds, if the change creates or removes the entry.
fn unsettled(before: Option<&Payment>, payment: &Payment, now: Timestamp) -> Result<Option<Write>, StoreError> {
    let was = before.is_some_and(|before| before.pending_refund().is_some());
    let key = unsettled_key(payment.id);
    Ok(match (was, payment.pending_refund().is_some()) {
        (false, true) => Some(Write::put(item(&key, &Unsettled { due: payment.due(), since: now })?)),
        (true, false) => Some(Write::delete(key)),
        (false, false) | (true, true) => None,
    })
}
