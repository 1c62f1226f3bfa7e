//! A payment provider to try the shop with: no money moves. It keeps books of its own, as a real one does, so that what it was
//! asked and what is recorded of it can be compared. Its cards: [`CARDS`](super::books::CARDS); any other is declined. Names that
//! Stripe has too mean the same there.

use std::time::Duration;

use dynamo::{Key, StoreError, Table, Write, item, number};
use kernel::OrderId;

use super::{
    Answer, Call,
    books::{self, Books, Reply},
};
use crate::{PaymentsError, domain::Due};

pub(crate) struct Simulator {
    table: Table,
    delay: Duration,
}

fn key(order_id: OrderId) -> Key {
    Key::new(format!("SIMULATOR#{order_id}"), "INTENT")
}

impl Simulator {
    pub(crate) fn new(table: Table, delay: Duration) -> Self {
        Self { table, delay }
    }

    pub(crate) async fn ask(&self, due: &Due, call: &Call) -> Result<Answer, PaymentsError> {
        let is_slow = matches!(call, Call::Authorize { method } if method == "pm_card_slow");
        tokio::time::sleep(self.delay + Duration::from_secs(if is_slow { 2 } else { 0 })).await;
        let reply = loop {
            let known = self.table.get::<Books>(&key(due.order_id)).await?;
            let (after, reply) = books::answer(known.as_ref(), due, call);
            // As a real one does: one request for an order after the other.
            match after {
                Some(after) if !self.write(due.order_id, &after, known.map(|known| known.version)).await? => {}
                _ => break reply,
            }
        };
        match reply {
            Reply::Says(answer) => Ok(answer),
            Reply::Fails => Err(PaymentsError::Unavailable("the provider failed".to_owned())),
            Reply::NeverAnswers => std::future::pending().await,
        }
    }

    /// Whether the books were still the ones of that version.
    async fn write(&self, id: OrderId, books: &Books, seen: Option<u64>) -> Result<bool, StoreError> {
        let put = Write::put(item(&key(id), books)?);
        self.table
            .write_if_allowed(match seen {
                Some(version) => put.only_if("#version = :seen").with([number(":seen", version)]),
                None => put.if_absent(),
            })
            .await
    }
}
