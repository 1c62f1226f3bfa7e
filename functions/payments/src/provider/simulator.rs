//! A simulated payment provider, with which no money moves. It has a ledger of its own, as a real provider does, so
//! that the recorded payments can be compared with it. [`CARDS`](super::ledger::CARDS) lists its cards; any other card
//! is declined. Cards with the same name at Stripe behave the same there.

use std::time::Duration;

use dynamo::{Key, StoreError, Table, Write, item, number};
use kernel::OrderId;

use super::ledger::{self, Reply, SimulatorLedger};
use crate::{
    PaymentsError,
    domain::{Answer, Call, Due},
};

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
            let known = self.table.get::<SimulatorLedger>(&key(due.order_id)).await?;
            let (after, reply) = ledger::answer(known.as_ref(), due, call);
            // Like a real provider, the simulator processes the calls for an order one after the other.
            match after {
                Some(after) if !self.write(due.order_id, &after, known.map(|known| known.version)).await? => {}
                _ => break reply,
            }
        };
        match reply {
            Reply::Says(answer) => Ok(answer),
            Reply::Fails => Err(PaymentsError::Unavailable("the simulator failed".to_owned())),
            Reply::NeverAnswers => std::future::pending().await,
        }
    }

    /// Returns `false`, and writes nothing, if the ledger no longer has the version `seen`.
    async fn write(&self, id: OrderId, ledger: &SimulatorLedger, seen: Option<u64>) -> Result<bool, StoreError> {
        let put = Write::put(item(&key(id), ledger)?);
        self.table
            .write_if_allowed(match seen {
                Some(version) => put.only_if("#version = :seen").with([number(":seen", version)]),
                None => put.if_absent(),
            })
            .await
    }
}
