//! Refunds of captured payments.

use contracts::Cause;
use dynamo::{IdempotencyKey, KeyReused, StoredResponse};
use kernel::{Money, PaymentId, RefundId, Timestamp};
use lambda::problem::Problem;

use crate::{
    Payments, PaymentsError, change,
    domain::{self, Due, Payment, RefundStatus, Refusal, Step, payment_id},
    not_found,
    store::Change,
};

/// A request for a refund.
#[derive(Debug, serde::Serialize)]
pub struct RefundRequest {
    /// The payment to refund.
    pub payment_id: PaymentId,
    /// The amount to refund; `None` means all that is left.
    pub amount: Option<lambda::input::Amount>,
    /// The reason, in the caller's words.
    pub reason: Option<String>,
}

/// How often a write that conflicts with others is attempted.
const MAX_ATTEMPTS: usize = 8;

impl Payments {
    /// Refunds a part of a captured payment, or all that is left, and returns what `respond` makes of the payment and
    /// the refund. If the provider does not respond, the refund stays pending and is retried until the provider does.
    ///
    /// There is one refund for each idempotency key, because the refund's id is derived from the key. A repeated
    /// request returns the current state of the refund.
    ///
    /// # Errors
    /// If the payment does not exist, less than the amount is left, the provider refuses the refund, or the key was
    /// used with another request.
    pub async fn refund(
        &self,
        wanted: &RefundRequest,
        key: Option<IdempotencyKey>,
        now: Timestamp,
        cause: &Cause,
        respond: impl Fn(&Payment, RefundId) -> Result<StoredResponse, Problem>,
    ) -> Result<StoredResponse, PaymentsError> {
        let id = key.as_ref().map_or_else(RefundId::new, |key| RefundId::derived(wanted.payment_id, &key.key().pk));
        let found =
            self.find_of_any_user(wanted.payment_id).await?.filter(Payment::is_visible).ok_or_else(not_found)?;
        let due = found.due();
        let amount: Option<Money> = wanted.amount.map(|amount| amount.of(due.total.currency()));
        let mut known = Some(found);
        for _ in 0..MAX_ATTEMPTS {
            if let Some(key) = &key
                && key.find(self.store.table(), now).await??.is_some()
            {
                return self.settle_now(&due, id, cause, respond).await;
            }
            // The refund outlives the response that is stored under its key.
            if let Some(refund) = known.as_ref().and_then(|payment| payment.refund(id)) {
                if amount.is_some_and(|amount| amount != refund.amount) {
                    return Err(KeyReused.into());
                }
                return self.settle_now(&due, id, cause, respond).await;
            }
            match domain::refund(id, amount, wanted.reason.as_deref(), known.as_ref(), None, now) {
                Step::Write { payment, events } => {
                    let stored = respond(&payment, id).map_err(PaymentsError::Response)?;
                    let response = key.as_ref().map(|key| (key, &stored));
                    let change = Change { events, response, ..change(known.as_ref(), &payment) };
                    if self.store.write(change, now, cause).await? {
                        return self.settle_now(&due, id, cause, respond).await;
                    }
                }
                Step::Refused(refusal) => return Err(PaymentsError::Refused(refusal, None)),
                Step::Done | Step::Ask(_) => return Err(PaymentsError::Busy),
            }
            known = self.store.of_order(due.user_id, due.order_id).await?;
        }
        Err(PaymentsError::Busy)
    }

    /// Asks the provider for a recorded refund. If the provider does not respond, the refund stays pending.
    async fn settle_now(
        &self,
        due: &Due,
        id: RefundId,
        cause: &Cause,
        respond: impl Fn(&Payment, RefundId) -> Result<StoredResponse, Problem>,
    ) -> Result<StoredResponse, PaymentsError> {
        let step = |known: Option<&Payment>, answer, now| domain::refund(id, None, None, known, answer, now);
        let payment = match self.take_steps(due, step, cause).await {
            Ok(payment) => payment,
            Err(error @ (PaymentsError::Unavailable(_) | PaymentsError::CircuitOpen | PaymentsError::Busy)) => {
                tracing::warn!(%error, payment_id = %payment_id(due.order_id), "a refund is pending");
                self.store.of_order(due.user_id, due.order_id).await?
            }
            Err(error) => return Err(error),
        };
        respond(&payment.ok_or_else(not_found)?, id).map_err(PaymentsError::Response)
    }

    /// Asks the provider for all pending refunds of an order.
    ///
    /// # Errors
    /// If the provider or the table does not respond, or the provider refuses one of the refunds.
    pub async fn settle(&self, due: &Due, cause: &Cause) -> Result<(), PaymentsError> {
        let before = self.store.of_order(due.user_id, due.order_id).await?.ok_or_else(not_found)?;
        let pending = before.refunds.iter().filter(|refund| refund.status == RefundStatus::Pending);
        let after = self.take_steps(due, domain::settle, cause).await?.ok_or_else(not_found)?;
        let refused = pending.filter_map(|refund| after.refund(refund.id)?.failure_reason.clone()).next();
        match refused {
            Some(reason) => Err(PaymentsError::Refused(Refusal::RefundRefused(reason), None)),
            None => Ok(()),
        }
    }
}
