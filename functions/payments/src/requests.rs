//! Paying an order, seen from payments: what is asked for here starts the order's checkout.

use std::time::Duration;

use dynamo::{Answer, Claim};
use kernel::{Money, OrderId, PaymentId, Timestamp};
use lambda::{
    http::{Caller, Request},
    problem::Problem,
};

use crate::{
    Payments, PaymentsError, change,
    domain::{self, Due, Payment, Refusal, Step, payment_id},
    store::Change,
};

/// What a caller wants to pay.
#[derive(Debug, serde::Serialize)]
pub struct PaymentRequest {
    /// Which order.
    pub order_id: OrderId,
    /// How much they believe it costs, in minor units of whatever its currency is.
    pub amount: lambda::input::Amount,
    /// The provider's token of the means of payment.
    pub method: String,
}

/// How long an order that was placed a moment ago may take to be heard of here.
const NEWS_TAKES: Duration = Duration::from_secs(5);

/// How often others may come between a read and a write.
const TRIES: usize = 4;

impl Payments {
    /// Takes note that the caller wants to pay an order; orders hears of it and starts the checkout. Once per idempotency key, for which
    /// what `respond` makes of it is kept.
    ///
    /// # Errors
    /// When there is no such order for this caller, it costs something else, it has a payment, or the key was used with another request.
    pub async fn request(
        &self,
        caller: Caller,
        wanted: &PaymentRequest,
        claim: Option<Claim>,
        request: &Request,
        respond: impl Fn(&Payment) -> Result<Answer, Problem>,
    ) -> Result<Answer, PaymentsError> {
        if let Some(known) = self.methods.as_ref().filter(|known| !known.contains(&wanted.method.as_str())) {
            return Err(PaymentsError::UnknownMethod(known.clone()));
        }
        let due = self.order_of(caller, wanted.order_id).await?;
        let amount: Money = wanted.amount.of(due.total.currency());
        if amount != due.total {
            return Err(PaymentsError::OtherAmount(due.total));
        }
        for _ in 0..TRIES {
            let known = self.store.of_order(due.user_id, due.order_id).await?;
            // In this order: who finds no answer now has seen the payment as it was before the same request made it.
            if let Some(claim) = &claim
                && let Some(answer) = claim.answered(self.store.table(), request.now).await??
            {
                return Ok(answer);
            }
            match domain::request(&due, &wanted.method, known.as_ref(), request.now) {
                Step::Write { payment, events } => {
                    let answer = respond(&payment).map_err(PaymentsError::Answer)?;
                    let claimed = claim.as_ref().map(|claim| (claim, &answer));
                    let change = Change { events, claimed, ..change(None, &payment) };
                    if self.store.write(change, request.now, &request.cause()).await? {
                        return Ok(answer);
                    }
                }
                Step::Refused(refusal) => {
                    let shown = known.filter(Payment::was_tried).map(Box::new);
                    return Err(PaymentsError::Refused(refusal, shown));
                }
                Step::Done | Step::Ask(_) => return Err(PaymentsError::Refused(Refusal::Exists, known.map(Box::new))),
            }
        }
        Err(PaymentsError::Busy)
    }

    /// The order, if it is the caller's or the caller runs the shop.
    async fn order_of(&self, caller: Caller, id: OrderId) -> Result<Due, PaymentsError> {
        let due = self.awaited_due(payment_id(id)).await?.ok_or(PaymentsError::NoSuchOrder)?;
        let is_theirs = due.user_id == caller.user_id || caller.is_admin();
        if is_theirs { Ok(due) } else { Err(PaymentsError::NoSuchOrder) }
    }

    /// What the order of a payment costs, and whom, if it was heard of. One that was placed a moment ago is waited for.
    pub(crate) async fn awaited_due(&self, id: PaymentId) -> Result<Option<Due>, PaymentsError> {
        loop {
            let due = self.store.due(id).await?;
            if due.is_some() || !id.is_younger_than(NEWS_TAKES, Timestamp::now()) {
                return Ok(due);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}
