//! Stripe's webhook events: they may arrive long after the change is recorded, twice, or before Stripe's own response.

use std::time::Duration;

use contracts::Cause;
use kernel::{Money, RefundId, Timestamp};

use crate::{
    Payments, PaymentsError,
    domain::{self, Due, Payment, ProviderEvent, Refusal, Status, payment_id},
    provider::stripe::{
        Stripe,
        events::StripeEvent,
        objects::{Intent, RefundStatus, StripeRefund},
    },
};

/// How long a response of Stripe is waited for. Stripe waits for ours meanwhile, and delivers the event again.
const STRIPE_TIMEOUT: Duration = Duration::from_secs(3);

/// How long after its order was placed the `OrderPlaced` event may arrive here.
const MAX_EVENT_DELAY: Duration = Duration::from_secs(60);

/// A change of a payment that is to be recorded.
struct PaymentUpdate {
    due: Due,
    /// The payment method, for a payment that is not recorded yet.
    method: String,
    /// The provider's id of the payment.
    reference: String,
    event: ProviderEvent,
}

impl Payments {
    /// Records what an event of Stripe reports, if it belongs to an order of this shop.
    ///
    /// # Errors
    /// If the event contradicts what is recorded, or Stripe or the table does not respond.
    pub(crate) async fn apply_stripe_event(
        &self,
        stripe: &Stripe,
        event: StripeEvent,
        cause: &Cause,
    ) -> Result<(), PaymentsError> {
        let update = match event {
            StripeEvent::Payment { intent, event } => payment_update(*intent, event)?,
            StripeEvent::Refund(refund) => self.refund_update(stripe, refund).await?,
        };
        let Some(PaymentUpdate { due, method, reference, event }) = update else {
            return Ok(());
        };
        match self.wait_for_due(payment_id(due.order_id)).await? {
            Some(recorded) if recorded != due => return Err(contradiction(&due, None)),
            Some(_) => {}
            // `OrderPlaced` is late: Stripe delivers the event again.
            None if due.order_id.is_younger_than(MAX_EVENT_DELAY, Timestamp::now()) => {
                return Err(PaymentsError::Unavailable("the event of its order has not arrived yet".to_owned()));
            }
            // The order belongs to another shop that uses the same account.
            None => return Ok(()),
        }
        let step = |known: Option<&Payment>, _, now| {
            domain::apply_provider_event(&due, &method, &reference, &event, known, now)
        };
        let done = self.take_steps(&due, step, cause).await;
        if let Err(PaymentsError::Refused(Refusal::Contradiction(_), known)) = done {
            return Err(contradiction(&due, known));
        }
        done.map(drop)
    }

    async fn refund_update(
        &self,
        stripe: &Stripe,
        refund: StripeRefund,
    ) -> Result<Option<PaymentUpdate>, PaymentsError> {
        let known = match refund.order() {
            Some((user_id, order_id)) => self.store.of_order(user_id, order_id).await?,
            None => None,
        };
        let recorded = known.and_then(|payment| Some((payment.due(), payment.method, payment.reference?)));
        let (due, method, reference) = match (recorded, &refund.payment_intent) {
            (Some(recorded), _) => recorded,
            (None, None) => return Ok(None), // a refund of a charge without an intent
            // A refund from Stripe's dashboard does not name the order; only its intent does.
            (None, Some(id)) => {
                let late = |_| PaymentsError::Unavailable("no response in time".to_owned());
                let intent = tokio::time::timeout(STRIPE_TIMEOUT, stripe.intent(id)).await.map_err(late)??;
                let Some(due) = intent.due() else { return Ok(None) };
                (due, intent.payment_method.unwrap_or_default(), intent.id)
            }
        };
        let own_id = refund.metadata.get("refund_id").and_then(|id| id.parse().ok());
        let id = own_id.unwrap_or_else(|| RefundId::derived(payment_id(due.order_id), &refund.id));
        let event = match refund.status {
            RefundStatus::Succeeded => {
                ProviderEvent::Refunded { id, amount: Money::from_minor(refund.amount, due.total.currency()) }
            }
            RefundStatus::Failed | RefundStatus::Canceled => {
                ProviderEvent::RefundFailed { id, reason: refund.reason() }
            }
            RefundStatus::Pending | RefundStatus::Unknown => return Ok(None),
        };
        Ok(Some(PaymentUpdate { due, method, reference, event }))
    }
}

fn payment_update(intent: Intent, event: ProviderEvent) -> Result<Option<PaymentUpdate>, PaymentsError> {
    let Some(due) = intent.due() else { return Ok(None) };
    // We always capture the whole amount.
    if event == ProviderEvent::Captured && intent.amount_received.is_some_and(|received| received != intent.amount) {
        return Err(contradiction(&due, None));
    }
    Ok(Some(PaymentUpdate { due, method: intent.payment_method.unwrap_or_default(), reference: intent.id, event }))
}

/// Logs a contradiction for the operators, and returns the refusal, which makes Stripe show it in its dashboard.
fn contradiction(due: &Due, known: Option<Box<Payment>>) -> PaymentsError {
    tracing::error!(order_id = %due.order_id, "an event of Stripe contradicts what is recorded");
    let status = known.as_ref().map_or(Status::Pending, |payment| payment.status);
    // The response does not show the payment to the sender of an event.
    PaymentsError::Refused(Refusal::Contradiction(status), None)
}
