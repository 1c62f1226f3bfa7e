//! Checkouts that are neither finished nor undone are started over: every step is idempotent on the order, so that a new execution
//! either finishes the sale or undoes it, whatever the ones before it have done.

use futures::{StreamExt, TryStreamExt, stream};
use kernel::{OrderId, Timestamp};

use crate::{
    Orders, OrdersError,
    domain::{Order, Status},
    store::{Deferred, Parked},
};

/// How long an execution may take, and some more, in seconds: one that has not ended or deferred its order by then died.
const EXECUTION_TAKES: i64 = 360;

/// How many attempts of a parked order may have been made since.
const MOST_ATTEMPTS: u32 = 50;

/// How many orders are read at the same moment.
const AT_ONCE: usize = 8;

impl Orders {
    /// Starts a deferred checkout over, if its order is still pending; whether it is.
    ///
    /// First it is started, then it is made due again: who dies between the two starts it twice.
    ///
    /// # Errors
    /// When the workflow does not start or the store does not answer.
    pub async fn resume(&self, deferred: &Deferred, now: Timestamp) -> Result<bool, OrdersError> {
        if self.load(deferred.order_id).await?.status != Status::Pending {
            self.store.forget_deferred(deferred).await?;
            return Ok(false);
        }
        self.start_over(deferred.order_id, deferred.attempt).await?;
        let attempt = deferred.attempt.saturating_add(1);
        let again = Deferred { attempt, due_at: now.plus_seconds(EXECUTION_TAKES), ..*deferred };
        self.store.defer_again(deferred, &again).await?;
        Ok(true)
    }

    /// A page of the parked orders behind `after`, the oldest first, each with what it has become since; and whether there are more.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn all_parked(
        &self,
        after: Option<OrderId>,
        limit: usize,
    ) -> Result<(Vec<(Parked, Order)>, bool), OrdersError> {
        let (parked, more) = self.store.all_parked(after, limit).await?;
        let with_order = async |parked: Parked| {
            let order = self.load(parked.order_id).await?;
            Ok::<_, OrdersError>((parked, order))
        };
        let orders = stream::iter(parked).map(with_order).buffered(AT_ONCE);
        Ok((orders.try_collect().await?, more))
    }

    /// Starts the checkout of a parked order over.
    ///
    /// First it is started, then the entry goes, if the new execution has not parked the order again by then: who dies between the two
    /// has an entry left that can be retried.
    ///
    /// # Errors
    /// When there is no such order, it is not parked, or the workflow does not start.
    pub async fn retry(&self, id: OrderId) -> Result<Order, OrdersError> {
        let order = self.load(id).await?;
        let parked = self.store.parked(id).await?.ok_or(OrdersError::NotParked)?;
        // Others may have had the next attempts, deferred ones for example.
        let mut attempts = (1..=MOST_ATTEMPTS).map(|further| parked.attempt.saturating_add(further));
        loop {
            let attempt = attempts.next().ok_or(OrdersError::Busy)?;
            if self.start_over(id, attempt).await? {
                break;
            }
        }
        self.store.unpark(&parked).await?;
        Ok(order)
    }

    /// Starts the workflow of an order from the beginning, with what its log says that it was started with; whether that attempt was not
    /// started before.
    async fn start_over(&self, id: OrderId, attempt: u32) -> Result<bool, OrdersError> {
        let never = || OrdersError::Workflow(format!("order {id} was never in checkout"));
        let (checkout, cause) = self.store.checkout(id).await?.ok_or_else(never)?;
        self.workflow()?.start(&checkout, &cause, attempt).await
    }
}
