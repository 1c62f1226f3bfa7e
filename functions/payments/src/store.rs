//! The payments table.
//!
//! | item | pk | sk |
//! | --- | --- | --- |
//! | payment | `USER#<user>` | `PAYMENT#<payment>` |
//! | copy of an order's total, by its payment | `PAYMENT#<payment>` | `COPY` |
//! | payment with refunds that have not gone yet | `UNSETTLED` | `PAYMENT#<payment>` |
//! | counters of a 256th of the payments | `STATS#<shard>` | `STATS` |
//! | answer to an idempotency key | `IDEMPOTENCY#<hash of the user>#<key>` | `IDEMPOTENCY` |
//! | outbox entry | `EVENT#<event>` | `EVENT` |
//! | whether a provider is asked | `CIRCUIT` | `<provider>` |
//! | the simulator's books | `SIMULATOR#<order>` | `INTENT` |
//!
//! A payment's id follows from its order's, and bears its time: an order's payment is a GetItem, a user's history a Query
//! backwards. Another user's payment is simply not there; an administrator finds it by the copy of its order, which says whose it is.

use contracts::{Cause, Envelope, PaymentEvent};
use dynamo::{Answer, Claim, Key, Query, StoreError, Table, Write, count, item, number, outbox_item};
use kernel::{OrderId, PaymentId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    domain::{Due, Payment, payment_id},
    provider::circuit::Circuit,
};

pub struct Store {
    table: Table,
}

/// What is written of a payment, and beside it.
pub struct Change<'a> {
    /// The payment as it is then.
    pub payment: &'a Payment,
    /// What was known of it; nothing, if it is new.
    pub before: Option<&'a Payment>,
    /// What is told of it.
    pub events: Vec<PaymentEvent>,
    /// The answer to an idempotency key.
    pub claimed: Option<(&'a Claim, &'a Answer)>,
}

/// A payment with refunds that have not gone yet.
#[derive(Debug, Serialize, Deserialize)]
pub struct Unsettled {
    /// Whose, and for what.
    pub due: Due,
    /// Since when.
    pub since: Timestamp,
}

fn payment_key(user_id: UserId, id: PaymentId) -> Key {
    Key::new(format!("USER#{user_id}"), format!("PAYMENT#{id}"))
}

fn copy_key(id: PaymentId) -> Key {
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

    /// As [`Store::of_order`], at half the price and perhaps as it was a moment before.
    pub async fn of_order_of_late(&self, user_id: UserId, order_id: OrderId) -> Result<Option<Payment>, StoreError> {
        self.table.get_of_late(&payment_key(user_id, payment_id(order_id))).await
    }

    /// The payment of an order and the circuit at `circuit`, in one read.
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

    /// What the order of a payment costs, and whom: once told, it stays.
    pub async fn due(&self, id: PaymentId) -> Result<Option<Due>, StoreError> {
        self.table.get(&copy_key(id)).await
    }

    pub async fn remember_order(&self, due: &Due) -> Result<(), StoreError> {
        self.table
            .write_if_allowed(Write::put(item(&copy_key(payment_id(due.order_id)), due)?).if_absent())
            .await
            .map(drop)
    }

    /// The payments with refunds that have not gone yet, no more than so many.
    pub async fn unsettled(&self, most: usize) -> Result<Vec<Unsettled>, StoreError> {
        let pk = "UNSETTLED".to_owned();
        let query = Query { index: None, pk, sk_prefix: "", after: None, descending: false, limit: most };
        Ok(self.table.page(&query).await?.items)
    }

    /// Writes a payment with its events and counters, all or nothing; whether nobody else had written it since it was read, or
    /// answered to the idempotency key.
    pub async fn write(&self, change: Change<'_>, now: Timestamp, cause: &Cause) -> Result<bool, StoreError> {
        let Change { payment, before, events, claimed } = change;
        let mut writes = Vec::new();
        if let Some((claim, answer)) = claimed {
            writes.push(claim.store(answer, now)?);
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
        // A transaction of one write costs twice as much as the write.
        match writes.pop() {
            Some(only) if writes.is_empty() => self.table.write_if_allowed(only).await,
            last => self.table.transact_if_allowed(writes.into_iter().chain(last).collect()).await,
        }
    }
}

/// How the counters see what happened: `captured`, `declined`, `refunded` and the minor units of each, by currency.
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

/// The entry among those that have refunds to go, when that changes.
fn unsettled(before: Option<&Payment>, payment: &Payment, now: Timestamp) -> Result<Option<Write>, StoreError> {
    let was = before.is_some_and(|before| before.pending_refund().is_some());
    let key = unsettled_key(payment.id);
    Ok(match (was, payment.pending_refund().is_some()) {
        (false, true) => Some(Write::put(item(&key, &Unsettled { due: payment.due(), since: now })?)),
        (true, false) => Some(Write::delete(key)),
        (false, false) | (true, true) => None,
    })
}
