//! Checkouts that are neither finished nor undone are started over: every step is idempotent on the order, so that a new execution
//! either finishes the sale or undoes it, whatever the ones before it have done.

use kernel::{OrderId, Timestamp};

use crate::{Orders, OrdersError, domain::Status, store::Deferred};

/// How long an execution may take, and some more, in seconds: one that has not ended or deferred its order by then died.
const EXECUTION_TAKES: i64 = 360;

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

    /// Starts the workflow of an order from the beginning, with what its log says that it was started with.
    async fn start_over(&self, id: OrderId, attempt: u32) -> Result<(), OrdersError> {
        let never = || OrdersError::Workflow(format!("order {id} was never in checkout"));
        let (checkout, cause) = self.store.checkout(id).await?.ok_or_else(never)?;
        self.workflow()?.start(&checkout, &cause, attempt).await
    }
}
