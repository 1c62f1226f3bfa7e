//! The next step of a payment. Each function is called again, with the payment as it is recorded by then, until it
//! returns [`Step::Done`] or [`Step::Refused`].
//!
//! Between two steps the calling function may die, and other functions may take steps of their own. Each decision
//! therefore depends only on the recorded payment and on the provider's last answer, which is passed once, right after
//! the question.

use contracts::{PaymentEvent, PaymentFailed, PaymentProcessed, PaymentRefunded, PaymentRequested};
use kernel::{Money, RefundId, Timestamp};

use super::{Answer, Call, Due, Payment, Refund, RefundStatus, Status, payment_id};

/// The maximum number of refunds of a payment, which are stored in one item.
pub const MAX_REFUNDS: usize = 100;

/// The next step of a payment.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Nothing is left to do.
    Done,
    /// The payment does not allow it.
    Refused(Refusal),
    /// Ask the provider, and pass its answer to the same function.
    Ask(Call),
    /// Record the payment, if its version has not changed meanwhile.
    Write {
        /// The payment after the step.
        payment: Box<Payment>,
        /// The events to publish, in this order.
        events: Vec<PaymentEvent>,
    },
}

/// Why a payment does not allow something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The payment does not exist.
    #[error("there is no such payment")]
    NotFound,
    /// The order has a payment already.
    #[error("the order already has a payment")]
    Exists,
    /// The provider declined the payment.
    #[error("the payment was declined: {0}")]
    Declined(String),
    /// The order has ended, so it can no longer be paid.
    #[error("the order has ended and can no longer be paid")]
    Ended,
    /// The amount can never be captured.
    #[error("the provider refused the capture: {0}")]
    CaptureRefused(String),
    /// Nothing was captured that could be refunded.
    #[error("a payment with the status {0} cannot be refunded")]
    NotCaptured(Status),
    /// The amount exceeds what is left to refund.
    #[error("only {} is left to refund", .0.to_decimal())]
    TooMuch(Money),
    /// The payment has the maximum number of refunds.
    #[error("the payment already has {MAX_REFUNDS} refunds, which is the maximum")]
    TooManyRefunds,
    /// The provider refused the refund for good.
    #[error("the provider refused the refund: {0}")]
    RefundRefused(String),
    /// An event of the provider contradicts the recorded payment.
    #[error("the event contradicts a payment with the status {0}")]
    Contradiction(Status),
}

/// A change that the provider reports by a webhook event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderEvent {
    /// The amount was authorized.
    Authorized,
    /// The amount was captured.
    Captured,
    /// The payment was cancelled before it was captured.
    Canceled,
    /// The payment was declined.
    Failed {
        /// The provider's code for why.
        reason: String,
    },
    /// A refund was made.
    Refunded {
        /// Our id of the refund, or one derived from the provider's id if the refund was not made by us.
        id: RefundId,
        /// The refunded amount.
        amount: Money,
    },
    /// A refund failed.
    RefundFailed {
        /// The id, as in `Refunded`.
        id: RefundId,
        /// The provider's code for why.
        reason: String,
    },
}

/// Records a request to pay.
pub fn request(due: &Due, method: &str, known: Option<&Payment>, now: Timestamp) -> Step {
    match known.map(|payment| payment.status) {
        None => write(
            Payment::new(due, method, Status::Pending, now),
            vec![
                PaymentRequested {
                    payment_id: payment_id(due.order_id),
                    order_id: due.order_id,
                    user_id: due.user_id,
                    amount: due.total,
                    method: method.to_owned(),
                }
                .into(),
            ],
        ),
        Some(Status::Barred) => Step::Refused(Refusal::Ended),
        Some(_) => Step::Refused(Refusal::Exists),
    }
}

/// Has the provider authorize the amount.
pub fn authorize(due: &Due, method: &str, known: Option<&Payment>, answer: Option<Answer>, now: Timestamp) -> Step {
    let Some(payment) = known.filter(|payment| payment.status != Status::Pending) else {
        return match answer {
            Some(Answer::Approved { reference }) => approved(due, method, known, Some(reference), now),
            Some(Answer::Declined { reason }) => declined(due, method, known, reason, now),
            _ => Step::Ask(Call::Authorize { method: method.to_owned() }),
        };
    };
    match payment.status {
        Status::Pending | Status::Authorized | Status::Captured | Status::PartlyRefunded | Status::Refunded => {
            Step::Done
        }
        Status::Declined => Step::Refused(Refusal::Declined(payment.failure_reason.clone().unwrap_or_default())),
        // The order ended while the provider was asked: an authorization that succeeded meanwhile is voided.
        Status::Voided | Status::Barred if answer.is_none() => Step::Ask(Call::Void),
        Status::Voided | Status::Barred => Step::Refused(Refusal::Ended),
    }
}

/// Has the provider capture the authorized amount.
pub fn capture(known: Option<&Payment>, answer: Option<Answer>, now: Timestamp) -> Step {
    let Some(payment) = known else {
        return Step::Refused(Refusal::NotFound);
    };
    match (payment.status, answer) {
        (Status::Authorized, Some(Answer::Captured)) => captured(payment, now),
        (Status::Authorized, Some(Answer::CaptureRefused { reason })) => Step::Refused(Refusal::CaptureRefused(reason)),
        (Status::Authorized, _) => Step::Ask(Call::Capture),
        (Status::Captured | Status::PartlyRefunded | Status::Refunded, _) => Step::Done,
        (Status::Pending | Status::Declined | Status::Voided | Status::Barred, _) => {
            Step::Refused(Refusal::CaptureRefused("nothing is authorized".to_owned()))
        }
    }
}

/// Publishes `PaymentFailed`, once, for a confirmed order whose amount can never be captured: the provider refuses the
/// capture, or the authorization is void. If the order was cancelled meanwhile, orders ignores the event.
pub fn give_up(reason: &str, known: Option<&Payment>, now: Timestamp) -> Step {
    match known {
        Some(payment)
            if matches!(payment.status, Status::Authorized | Status::Voided) && payment.failure_reason.is_none() =>
        {
            let event = failure(payment, reason);
            let failed =
                Payment { failure_reason: Some(reason.to_owned()), ..payment.with_status(payment.status, now) };
            write(failed, vec![event])
        }
        _ => Step::Done,
    }
}

/// Voids or refunds whatever was authorized or captured for an order, and bars any further payment of it.
pub fn undo(due: &Due, known: Option<&Payment>, answer: Option<Answer>, now: Timestamp) -> Step {
    let Some(payment) = known else {
        // The bar is recorded before the provider is asked to void: an authorization that is under way meets one of the
        // two.
        return write(Payment::new(due, "", Status::Barred, now), vec![]);
    };
    match (payment.status, answer) {
        (Status::Pending, _) => write(payment.with_status(Status::Voided, now), vec![]),
        (Status::Authorized | Status::Voided | Status::Barred, Some(Answer::WasCaptured)) => captured(payment, now),
        (Status::Authorized, Some(Answer::Voided)) => write(payment.with_status(Status::Voided, now), vec![]),
        (Status::Voided | Status::Barred, Some(Answer::Voided)) | (Status::Declined | Status::Refunded, _) => {
            Step::Done
        }
        (Status::Authorized | Status::Voided | Status::Barred, _) => Step::Ask(Call::Void),
        (Status::Captured | Status::PartlyRefunded, answer) => {
            let id = RefundId::derived(due.order_id, "undo");
            match payment.refund(id).map(|refund| refund.status) {
                _ if payment.pending_refund().is_some() => settle(Some(payment), answer, now),
                // The refund was requested before, and the provider refused it.
                Some(RefundStatus::Failed) => settled(payment, id),
                _ if payment.refundable().minor() == 0 => Step::Done,
                _ => add_refund(payment, id, payment.refundable(), Some("the order was cancelled".to_owned()), now),
            }
        }
    }
}

/// Refunds `amount`, or all that is left.
pub fn refund(
    id: RefundId,
    amount: Option<Money>,
    reason: Option<&str>,
    known: Option<&Payment>,
    answer: Option<Answer>,
    now: Timestamp,
) -> Step {
    let Some(payment) = known else {
        return Step::Refused(Refusal::NotFound);
    };
    if let Some(refund) = payment.refund(id) {
        return match (refund.status, answer) {
            (RefundStatus::Pending, Some(answer)) => settle_refund(payment, id, answer, now),
            (RefundStatus::Pending, None) => Step::Ask(Call::Refund { id, amount: refund.amount }),
            (RefundStatus::Succeeded | RefundStatus::Failed, _) => settled(payment, id),
        };
    }
    let left = payment.refundable();
    let amount = amount.unwrap_or(left);
    match payment.status {
        Status::Captured | Status::PartlyRefunded | Status::Refunded
            if amount.minor() < 1 || amount.minor() > left.minor() =>
        {
            Step::Refused(Refusal::TooMuch(left))
        }
        Status::Captured | Status::PartlyRefunded if amount.currency() != left.currency() => {
            Step::Refused(Refusal::TooMuch(left))
        }
        Status::Captured | Status::PartlyRefunded if payment.refunds.len() >= MAX_REFUNDS => {
            Step::Refused(Refusal::TooManyRefunds)
        }
        Status::Captured | Status::PartlyRefunded => add_refund(payment, id, amount, reason.map(str::to_owned), now),
        other => Step::Refused(Refusal::NotCaptured(other)),
    }
}

/// Asks the provider for the pending refunds.
pub fn settle(known: Option<&Payment>, answer: Option<Answer>, now: Timestamp) -> Step {
    let Some((payment, refund)) = known.and_then(|payment| Some((payment, payment.pending_refund()?))) else {
        return Step::Done;
    };
    match answer {
        Some(answer) => settle_refund(payment, refund.id, answer, now),
        None => Step::Ask(Call::Refund { id: refund.id, amount: refund.amount }),
    }
}

/// Records what an event of the provider reports. An event that arrives twice, late, or before the provider's own
/// answer has its effect only once.
pub fn apply_provider_event(
    due: &Due,
    method: &str,
    reference: &str,
    event: &ProviderEvent,
    known: Option<&Payment>,
    now: Timestamp,
) -> Step {
    use ProviderEvent as Event;

    let status = known.map(|payment| payment.status);
    if let Some(payment) = known
        && payment.amount != due.total
    {
        return Step::Refused(Refusal::Contradiction(payment.status));
    }
    match (event, status) {
        (Event::Authorized, None | Some(Status::Pending)) => {
            approved(due, method, known, Some(reference.to_owned()), now)
        }
        (Event::Failed { reason }, None | Some(Status::Pending)) => declined(due, method, known, reason.clone(), now),
        (Event::Authorized | Event::Failed { .. }, Some(_)) => Step::Done,

        (Event::Captured, Some(Status::Captured | Status::PartlyRefunded | Status::Refunded)) => Step::Done,
        (Event::Captured | Event::Refunded { .. }, None | Some(Status::Pending | Status::Authorized)) => {
            let new = Payment { version: 0, ..Payment::new(due, method, Status::Pending, now) };
            let before = known.cloned().unwrap_or(new);
            captured(&Payment { reference: Some(reference.to_owned()), ..before }, now)
        }

        (Event::Canceled, Some(Status::Authorized)) => {
            known.map_or(Step::Done, |payment| write(payment.with_status(Status::Voided, now), vec![]))
        }
        // A pending payment stays pending: the next authorization of it is declined, and undoing it voids it.
        (Event::Canceled, None | Some(Status::Pending | Status::Voided | Status::Barred | Status::Declined)) => {
            Step::Done
        }

        (Event::Refunded { id, amount }, Some(Status::Captured | Status::PartlyRefunded | Status::Refunded)) => {
            known.map_or(Step::Done, |payment| apply_refund(payment, *id, *amount, now))
        }
        (Event::RefundFailed { id, reason }, Some(status)) => match known.and_then(|payment| payment.refund(*id)) {
            Some(refund) if refund.status == RefundStatus::Pending => known.map_or(Step::Done, |payment| {
                settle_refund(payment, *id, Answer::RefundRefused { reason: reason.clone() }, now)
            }),
            Some(refund) if refund.status == RefundStatus::Succeeded => Step::Refused(Refusal::Contradiction(status)),
            _ => Step::Done,
        },
        (Event::RefundFailed { .. }, None) => Step::Done,

        (Event::Captured | Event::Canceled | Event::Refunded { .. }, Some(status)) => {
            Step::Refused(Refusal::Contradiction(status))
        }
    }
}

fn apply_refund(payment: &Payment, id: RefundId, amount: Money, now: Timestamp) -> Step {
    match payment.refund(id).map(|refund| refund.status) {
        Some(RefundStatus::Succeeded) => Step::Done,
        Some(RefundStatus::Pending) => settle_refund(payment, id, Answer::Refunded, now),
        Some(RefundStatus::Failed) => Step::Refused(Refusal::Contradiction(payment.status)),
        None if amount.minor() > payment.refundable().minor() => Step::Refused(Refusal::Contradiction(payment.status)),
        None => match add_refund(payment, id, amount, Some("refunded at the provider".to_owned()), now) {
            Step::Write { payment: pending, .. } => {
                // The refund is recorded in one step, because it has succeeded already.
                let pending = Payment { version: payment.version, ..*pending };
                settle_refund(&pending, id, Answer::Refunded, now)
            }
            other => other,
        },
    }
}

fn approved(due: &Due, method: &str, known: Option<&Payment>, reference: Option<String>, now: Timestamp) -> Step {
    let payment = processed(due, method, known, Status::Authorized, now);
    write(Payment { reference, ..payment }, vec![])
}

fn declined(due: &Due, method: &str, known: Option<&Payment>, reason: String, now: Timestamp) -> Step {
    let mut payment = processed(due, method, known, Status::Declined, now);
    let event = failure(&payment, &reason);
    payment.failure_reason = Some(reason);
    write(payment, vec![event])
}

fn failure(payment: &Payment, reason: &str) -> PaymentEvent {
    let (payment_id, order_id, user_id, amount) = (payment.id, payment.order_id, payment.user_id, payment.amount);
    PaymentFailed { payment_id, order_id, user_id, amount, reason: reason.to_owned() }.into()
}

/// Returns the payment in the state that follows from the provider's answer. Its method is the one that was authorized,
/// which may differ from that of a pending payment.
fn processed(due: &Due, method: &str, known: Option<&Payment>, status: Status, now: Timestamp) -> Payment {
    match known {
        Some(payment) => Payment { method: method.to_owned(), ..payment.with_status(status, now) },
        None => Payment::new(due, method, status, now),
    }
}

fn captured(payment: &Payment, now: Timestamp) -> Step {
    let event = PaymentProcessed {
        payment_id: payment.id,
        order_id: payment.order_id,
        user_id: payment.user_id,
        amount: payment.amount,
    };
    // An earlier refusal no longer holds.
    let captured = Payment { failure_reason: None, ..payment.with_status(Status::Captured, now) };
    write(captured, vec![event.into()])
}

fn add_refund(payment: &Payment, id: RefundId, amount: Money, reason: Option<String>, now: Timestamp) -> Step {
    let refund = Refund { id, amount, status: RefundStatus::Pending, reason, failure_reason: None, created_at: now };
    let mut payment = payment.with_status(payment.status, now);
    payment.refunds.push(refund);
    write(payment, vec![])
}

/// Records the provider's answer to a pending refund.
fn settle_refund(payment: &Payment, id: RefundId, answer: Answer, now: Timestamp) -> Step {
    let (status, failure_reason) = match answer {
        Answer::RefundRefused { reason } => (RefundStatus::Failed, Some(reason)),
        _ => (RefundStatus::Succeeded, None),
    };
    let mut after = payment.with_status(payment.status, now);
    let mut amount = None;
    for refund in after.refunds.iter_mut().filter(|refund| refund.id == id) {
        (refund.status, refund.failure_reason) = (status, failure_reason.clone());
        amount = Some(refund.amount);
    }
    after.status = match after.refunded().minor() {
        0 => Status::Captured,
        refunded if refunded < after.amount.minor() => Status::PartlyRefunded,
        _ => Status::Refunded,
    };
    let event = amount.filter(|_| status == RefundStatus::Succeeded).map(|amount| {
        let (payment_id, order_id, user_id) = (after.id, after.order_id, after.user_id);
        PaymentRefunded { payment_id, order_id, user_id, amount }.into()
    });
    write(after, event.into_iter().collect())
}

fn settled(payment: &Payment, id: RefundId) -> Step {
    match payment.refund(id).filter(|refund| refund.status == RefundStatus::Failed) {
        Some(refund) => Step::Refused(Refusal::RefundRefused(refund.failure_reason.clone().unwrap_or_default())),
        None => Step::Done,
    }
}

fn write(mut payment: Payment, events: Vec<PaymentEvent>) -> Step {
    payment.sequence += u64::try_from(events.len()).unwrap_or_default();
    Step::Write { payment: Box::new(payment), events }
}
