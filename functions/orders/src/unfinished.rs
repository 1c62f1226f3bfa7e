//! Starts checkouts again that were neither completed nor compensated. Every step is idempotent on the order's id, so a
//! new execution either completes the sale or undoes it, whatever the previous ones have done.

use futures::{StreamExt, TryStreamExt, stream};
use kernel::{OrderId, Timestamp};

use crate::{
    Orders, OrdersError,
    domain::{Order, Status},
    store::{Deferred, Parked},
};

/// How long an execution may take, with a margin, in seconds. One that has neither ended nor deferred its order by then
/// has died.
const MAX_EXECUTION_SECONDS: i64 = 360;

/// How many attempts that were made since an order was parked are skipped at most.
const MAX_FURTHER_ATTEMPTS: u32 = 50;

/// How many orders are read at the same time.
const MAX_CONCURRENCY: usize = 8;

impl Orders {
    /// Starts a deferred checkout again if its order is still pending. Returns whether it is.
    ///
    /// The checkout is started before its entry is made due again. If the function dies in between, it is started
    /// twice.
    ///
    /// # Errors
    /// If the workflow does not start or the table does not respond.
    pub async fn resume(&self, deferred: &Deferred, now: Timestamp) -> Result<bool, OrdersError> {
        if self.load(deferred.order_id).await?.status != Status::Pending {
            self.store.delete_deferred(deferred).await?;
            return Ok(false);
        }
        self.restart_checkout(deferred.order_id, deferred.attempt).await?;
        let attempt = deferred.attempt.saturating_add(1);
        let again = Deferred { attempt, due_at: now.plus_seconds(MAX_EXECUTION_SECONDS), ..*deferred };
        self.store.reschedule(deferred, &again).await?;
        Ok(true)
    }

    /// Returns a page of the parked orders after `after`, the oldest first, each with its current state, and whether
    /// there are more.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn parked_orders(
        &self,
        after: Option<OrderId>,
        limit: usize,
    ) -> Result<(Vec<(Parked, Order)>, bool), OrdersError> {
        let (parked, more) = self.store.parked_orders(after, limit).await?;
        let with_order = async |parked: Parked| {
            let order = self.load(parked.order_id).await?;
            Ok::<_, OrdersError>((parked, order))
        };
        let orders = stream::iter(parked).map(with_order).buffered(MAX_CONCURRENCY);
        Ok((orders.try_collect().await?, more))
    }

    /// Starts the checkout of a parked order again.
    ///
    /// The checkout is started before the entry is deleted. If the new execution has parked the order again by then, the
    /// new entry stays. If the function dies in between, the old one stays and can be retried.
    ///
    /// # Errors
    /// If there is no such order, it is not parked, or the workflow does not start.
    pub async fn retry(&self, id: OrderId) -> Result<Order, OrdersError> {
        let order = self.load(id).await?;
        let parked = self.store.parked(id).await?.ok_or(OrdersError::NotParked)?;
        // The next attempts may have been made already, for example by the schedule.
        let mut attempts = (1..=MAX_FURTHER_ATTEMPTS).map(|further| parked.attempt.saturating_add(further));
        loop {
            let attempt = attempts.next().ok_or(OrdersError::Busy)?;
            if self.restart_checkout(id, attempt).await? {
                break;
            }
        }
        self.store.unpark(&parked).await?;
        Ok(order)
    }

    /// Starts the workflow of an order from the beginning, with the recorded `CheckoutStarted`. Returns whether this
    /// attempt was not started before.
    async fn restart_checkout(&self, id: OrderId, attempt: u32) -> Result<bool, OrdersError> {
        let never = || OrdersError::Workflow(format!("the checkout of order {id} was never started"));
        let (checkout, cause) = self.store.started_checkout(id).await?.ok_or_else(never)?;
        self.workflow()?.start(&checkout, &cause, attempt).await
    }
}
