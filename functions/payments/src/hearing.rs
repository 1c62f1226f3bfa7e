//! What Stripe tells unasked: that may be long after we know it, twice, or before its own answer has come.

use std::time::Duration;

use contracts::Cause;
use kernel::{Money, RefundId, Timestamp};

use crate::{
    Payments, PaymentsError,
    domain::{self, Due, Fact, Payment, Refusal, Status, payment_id},
    provider::stripe::{
        Stripe,
        events::Told,
        objects::{Intent, RefundStatus, StripeRefund},
    },
};

/// How long Stripe's answer is waited for; Stripe waits for ours, and asks again.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long the news of an order may take.
const NEWS_TAKES: Duration = Duration::from_secs(60);

/// What is to be recorded.
struct News {
    due: Due,
    /// The means of payment, if we do not know it.
    method: String,
    /// The provider's name for the payment.
    reference: String,
    fact: Fact,
}

impl Payments {
    /// Takes note of what Stripe tells, if it is of this shop.
    ///
    /// # Errors
    /// When it cannot be after what is recorded, or Stripe or the store does not answer.
    pub(crate) async fn hear(&self, stripe: &Stripe, told: Told, cause: &Cause) -> Result<(), PaymentsError> {
        let news = match told {
            Told::Payment { intent, fact } => payment_news(*intent, fact)?,
            Told::Refund(refund) => self.refund_news(stripe, refund).await?,
        };
        let Some(News { due, method, reference, fact }) = news else {
            return Ok(());
        };
        match self.awaited_due(payment_id(due.order_id)).await? {
            Some(declared) if declared != due => return Err(contradiction(&due, None)),
            Some(_) => {}
            // Late news: Stripe tells it again.
            None if due.order_id.is_younger_than(NEWS_TAKES, Timestamp::now()) => {
                return Err(PaymentsError::Unavailable("its order was not heard of yet".to_owned()));
            }
            // Of another shop that has the same account.
            None => return Ok(()),
        }
        let step = |known: Option<&Payment>, _, now| domain::hear(&due, &method, &reference, &fact, known, now);
        let heard = self.take_steps(&due, step, cause).await;
        if let Err(PaymentsError::Refused(Refusal::Contradiction(_), known)) = heard {
            return Err(contradiction(&due, known));
        }
        heard.map(drop)
    }

    async fn refund_news(&self, stripe: &Stripe, refund: StripeRefund) -> Result<Option<News>, PaymentsError> {
        let known = match refund.order() {
            Some((user_id, order_id)) => self.store.of_order(user_id, order_id).await?,
            None => None,
        };
        let ours = known.and_then(|payment| Some((payment.due(), payment.method, payment.reference?)));
        let (due, method, reference) = match (ours, &refund.payment_intent) {
            (Some(ours), _) => ours,
            (None, None) => return Ok(None), // of a charge that no intent made
            // Given back by hand: whose it is, only the payment says.
            (None, Some(id)) => {
                let late = |_| PaymentsError::Unavailable("no answer in time".to_owned());
                let intent = tokio::time::timeout(PATIENCE, stripe.intent(id)).await.map_err(late)??;
                let Some(due) = intent.due() else { return Ok(None) };
                (due, intent.payment_method.unwrap_or_default(), intent.id)
            }
        };
        let named = refund.metadata.get("refund_id").and_then(|id| id.parse().ok());
        let id = named.unwrap_or_else(|| RefundId::derived(payment_id(due.order_id), &refund.id));
        let fact = match refund.status {
            RefundStatus::Succeeded => {
                Fact::Refunded { id, amount: Money::from_minor(refund.amount, due.total.currency()) }
            }
            RefundStatus::Failed | RefundStatus::Canceled => Fact::RefundFailed { id, reason: refund.why() },
            RefundStatus::Pending | RefundStatus::Unknown => return Ok(None),
        };
        Ok(Some(News { due, method, reference, fact }))
    }
}

fn payment_news(intent: Intent, fact: Fact) -> Result<Option<News>, PaymentsError> {
    let Some(due) = intent.due() else { return Ok(None) };
    // All of it or nothing is what we ask for.
    if fact == Fact::Captured && intent.amount_received.is_some_and(|received| received != intent.amount) {
        return Err(contradiction(&due, None));
    }
    Ok(Some(News { due, method: intent.payment_method.unwrap_or_default(), reference: intent.id, fact }))
}

/// It is answered with a refusal, so that Stripe shows it, and logged, so that we do.
fn contradiction(due: &Due, known: Option<Box<Payment>>) -> PaymentsError {
    tracing::error!(order_id = %due.order_id, "Stripe tells what cannot be, after what is recorded");
    let status = known.as_ref().map_or(Status::Pending, |payment| payment.status);
    // Whoever sends events is not shown payments.
    PaymentsError::Refused(Refusal::Contradiction(status), None)
}
