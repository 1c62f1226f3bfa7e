//! The payments table.
//!
//! | item | pk | sk | gsi1pk | gsi1sk |
//! | --- | --- | --- | --- | --- |
//! | payment | `USER#<user>` | `PAYMENT#<payment>` | `PAYMENT#<payment>` | `PAYMENT` |
//! | outbox entry | `EVENT#<event>` | `EVENT` | | |
//! | the simulator's books | `SIMULATOR#<order>` | `INTENT` | | |
//!
//! A payment's id follows from its order's, and bears its time: an order's payment is a GetItem, a user's history a Query
//! backwards. Another user's payment is simply not there; an administrator finds it by gsi1.

use contracts::{Cause, Envelope, PaymentEvent};
use dynamo::{Item, Key, Query, StoreError, Table, Write, item, number, outbox_item, text};
use kernel::{OrderId, PaymentId, Timestamp, UserId};

use crate::domain::{Payment, payment_id};

pub struct Store {
    table: Table,
}

fn payment_key(user_id: UserId, id: PaymentId) -> Key {
    Key::new(format!("USER#{user_id}"), format!("PAYMENT#{id}"))
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

    pub async fn find_anyones(&self, id: PaymentId) -> Result<Option<Payment>, StoreError> {
        let query = Query {
            index: Some("gsi1"),
            pk: format!("PAYMENT#{id}"),
            sk_prefix: "",
            after: None,
            descending: false,
            limit: 1,
        };
        Ok(self.table.page(&query).await?.items.pop())
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

    /// Whether it is new: there is one payment of an order.
    pub async fn create(
        &self,
        payment: &Payment,
        events: Vec<PaymentEvent>,
        now: Timestamp,
        cause: &Cause,
    ) -> Result<bool, StoreError> {
        let write = Write::put(payment_item(payment)?).if_absent();
        self.write(write, payment, events, now, cause).await
    }

    /// Whether nobody else wrote the payment since its `seen` version.
    pub async fn replace(
        &self,
        payment: &Payment,
        seen: u64,
        events: Vec<PaymentEvent>,
        now: Timestamp,
        cause: &Cause,
    ) -> Result<bool, StoreError> {
        let write = Write::put(payment_item(payment)?).only_if("#version = :seen").with([number(":seen", seen)]);
        self.write(write, payment, events, now, cause).await
    }

    async fn write(
        &self,
        write: Write,
        payment: &Payment,
        events: Vec<PaymentEvent>,
        now: Timestamp,
        cause: &Cause,
    ) -> Result<bool, StoreError> {
        let mut writes = vec![write];
        for event in events {
            // The place among the payment's events is what happened, not how often it was written.
            let sequence = match event {
                PaymentEvent::PaymentProcessed(_) | PaymentEvent::PaymentFailed(_) => 1,
                PaymentEvent::PaymentRefunded(_) => 2,
            };
            writes.push(Write::put(outbox_item(&Envelope::new(event, payment.id, sequence, now, cause))?));
        }
        self.table.transact_if_allowed(writes).await
    }
}

fn payment_item(payment: &Payment) -> Result<Item, StoreError> {
    let mut item = item(&payment_key(payment.user_id, payment.id), payment)?;
    item.extend([text("gsi1pk", format!("PAYMENT#{}", payment.id)), text("gsi1sk", "PAYMENT")]);
    Ok(item)
}
