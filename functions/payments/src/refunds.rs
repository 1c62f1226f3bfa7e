//! Giving money back.

use contracts::Cause;
use dynamo::{Answer, Claim, KeyReused};
use kernel::{Money, PaymentId, RefundId, Timestamp};
use lambda::problem::Problem;

use crate::{
    Payments, PaymentsError, change,
    domain::{self, Due, Payment, RefundStatus, Refusal, Step, payment_id},
    not_found,
    store::Change,
};

/// What is to go back.
#[derive(Debug, serde::Serialize)]
pub struct RefundRequest {
    /// Of which payment.
    pub payment_id: PaymentId,
    /// How much; nothing means all that is left.
    pub amount: Option<lambda::input::Amount>,
    /// Why.
    pub reason: Option<String>,
}

/// How often others may come between a read and a write.
const TRIES: usize = 8;

impl Payments {
    /// Gives back a part of a captured payment, or all that is left: the payment as it is then, and the refund. What the provider does
    /// not answer to at once is pending, and asked again until it does.
    ///
    /// Once per idempotency key, from which the refund's id follows: asked again, it is told as it stands then.
    ///
    /// # Errors
    /// When there is no such payment, less of it is left, the provider will not, or the key was used with another request.
    pub async fn refund(
        &self,
        wanted: &RefundRequest,
        claim: Option<Claim>,
        now: Timestamp,
        cause: &Cause,
        respond: impl Fn(&Payment, RefundId) -> Result<Answer, Problem>,
    ) -> Result<Answer, PaymentsError> {
        let id =
            claim.as_ref().map_or_else(RefundId::new, |claim| RefundId::derived(wanted.payment_id, &claim.key().pk));
        let found = self.find_anyones(wanted.payment_id).await?.filter(Payment::was_tried).ok_or_else(not_found)?;
        let due = found.due();
        let amount: Option<Money> = wanted.amount.map(|amount| amount.of(due.total.currency()));
        let mut known = Some(found);
        for _ in 0..TRIES {
            if let Some(claim) = &claim
                && claim.answered(self.store.table(), now).await??.is_some()
            {
                return self.settle_now(&due, id, cause, respond).await;
            }
            // The key is older than its answer is kept.
            if let Some(refund) = known.as_ref().and_then(|payment| payment.refund(id)) {
                if amount.is_some_and(|amount| amount != refund.amount) {
                    return Err(KeyReused.into());
                }
                return self.settle_now(&due, id, cause, respond).await;
            }
            match domain::refund(id, amount, wanted.reason.as_deref(), known.as_ref(), None, now) {
                Step::Write { payment, events } => {
                    let answer = respond(&payment, id).map_err(PaymentsError::Answer)?;
                    let claimed = claim.as_ref().map(|claim| (claim, &answer));
                    let change = Change { events, claimed, ..change(known.as_ref(), &payment) };
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

    /// Asks the provider for a refund that is recorded; if it does not answer, the refund stays pending.
    async fn settle_now(
        &self,
        due: &Due,
        id: RefundId,
        cause: &Cause,
        respond: impl Fn(&Payment, RefundId) -> Result<Answer, Problem>,
    ) -> Result<Answer, PaymentsError> {
        let step = |known: Option<&Payment>, answer, now| domain::refund(id, None, None, known, answer, now);
        let payment = match self.take_steps(due, step, cause).await {
            Ok(payment) => payment,
            Err(error @ (PaymentsError::Unavailable(_) | PaymentsError::CircuitOpen | PaymentsError::Busy)) => {
                tracing::warn!(%error, payment_id = %payment_id(due.order_id), "a refund is pending");
                self.store.of_order(due.user_id, due.order_id).await?
            }
            Err(error) => return Err(error),
        };
        respond(&payment.ok_or_else(not_found)?, id).map_err(PaymentsError::Answer)
    }

    /// Asks the provider for all refunds of an order that have not gone yet.
    ///
    /// # Errors
    /// When the provider or the store does not answer, or one of them cannot go.
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
