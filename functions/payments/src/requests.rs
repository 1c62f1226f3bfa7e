//! Requests to pay an order. A recorded request makes orders start the checkout.

use std::time::Duration;

use dynamo::{IdempotencyKey, StoredResponse};
use kernel::{Money, OrderId, PaymentId, Timestamp};
use lambda::{
    http::{ApiRequest, Caller, Request},
    problem::Problem,
};

use crate::{
    Payments, PaymentsError, change,
    domain::{self, Due, Payment, Refusal, Step, payment_id},
    store::Change,
};

/// A request to pay an order.
#[derive(Debug, serde::Serialize)]
pub struct PaymentRequest {
    /// The order to pay.
    pub order_id: OrderId,
    /// The total that the caller expects, in the currency of the order.
    pub amount: lambda::input::Amount,
    /// The provider's token of the payment method.
    pub method: String,
}

/// How long after its order was placed the `OrderPlaced` event is waited for.
const MAX_EVENT_DELAY: Duration = Duration::from_secs(5);

/// How often a write that conflicts with others is attempted.
const MAX_ATTEMPTS: usize = 4;

impl Payments {
    /// Records a pending payment and publishes `PaymentRequested`, on which orders starts the checkout. An order has
    /// one payment. A request is handled once for each idempotency key: the response that `respond` makes of the
    /// payment is stored under the key.
    ///
    /// # Errors
    /// If the caller has no such order, the amount is not its total, the order has a payment, or the key was used with
    /// another request.
    pub async fn request(
        &self,
        caller: Caller,
        wanted: &PaymentRequest,
        key: Option<IdempotencyKey>,
        request: &Request,
        respond: impl Fn(&Payment) -> Result<StoredResponse, Problem>,
    ) -> Result<StoredResponse, PaymentsError> {
        if let Some(known) = self.methods.as_ref().filter(|known| !known.contains(&wanted.method.as_str())) {
            return Err(PaymentsError::UnknownMethod(known.clone()));
        }
        let due = self.order_of(caller, wanted.order_id).await?;
        let amount: Money = wanted.amount.of(due.total.currency());
        if amount != due.total {
            return Err(PaymentsError::AmountDiffers(due.total));
        }
        for _ in 0..MAX_ATTEMPTS {
            let known = self.store.of_order(due.user_id, due.order_id).await?;
            // The key is read after the payment: if it has no response yet, `known` is the payment as it was before the
            // same request wrote it.
            if let Some(key) = &key
                && let Some(response) = key.find(self.store.table(), request.now()).await??
            {
                return Ok(response);
            }
            match domain::request(&due, &wanted.method, known.as_ref(), request.now()) {
                Step::Write { payment, events } => {
                    let stored = respond(&payment).map_err(PaymentsError::Response)?;
                    let response = key.as_ref().map(|key| (key, &stored));
                    let change = Change { events, response, ..change(None, &payment) };
                    if self.store.write(change, request.now(), &request.cause()).await? {
                        return Ok(stored);
                    }
                }
                Step::Refused(refusal) => {
                    let shown = known.filter(Payment::is_visible).map(Box::new);
                    return Err(PaymentsError::Refused(refusal, shown));
                }
                Step::Done | Step::Ask(_) => return Err(PaymentsError::Refused(Refusal::Exists, known.map(Box::new))),
            }
        }
        Err(PaymentsError::Busy)
    }

    /// Returns the order, if it is the caller's or the caller is an administrator.
    async fn order_of(&self, caller: Caller, id: OrderId) -> Result<Due, PaymentsError> {
        let due = self.wait_for_due(payment_id(id)).await?.ok_or(PaymentsError::NoSuchOrder)?;
        let is_theirs = due.user_id == caller.user_id || caller.is_admin();
        if is_theirs { Ok(due) } else { Err(PaymentsError::NoSuchOrder) }
    }

    /// Returns the replica of a payment's order. Waits for the replica of an order that was placed a moment ago.
    pub(crate) async fn wait_for_due(&self, id: PaymentId) -> Result<Option<Due>, PaymentsError> {
        loop {
            let due = self.store.due(id).await?;
            if due.is_some() || !id.is_younger_than(MAX_EVENT_DELAY, Timestamp::now()) {
                return Ok(due);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}
