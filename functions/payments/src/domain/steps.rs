//! What is to be done next for a payment: each function is asked again and again, with what is known by then, until it says
//! [`Step::Done`] or refuses.
//!
//! Between any two steps the function that takes them may die, and others may take steps of their own; so each looks at nothing but
//! the payment as it is recorded, and the provider's last answer, which it gets only once and only if it has asked.

use contracts::{PaymentEvent, PaymentFailed, PaymentProcessed, PaymentRefunded, PaymentRequested};
use kernel::{Money, RefundId, Timestamp};

use super::{Due, Payment, Refund, RefundStatus, Status, payment_id};
use crate::provider::{Answer, Call};

/// The most refunds of one payment: they lie in one item.
pub const MOST_REFUNDS: usize = 100;

/// What is to be done next.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Nothing more.
    Done,
    /// It cannot be done.
    Refused(Refusal),
    /// The provider is to be asked, and its answer brought here.
    Ask(Call),
    /// This is to be recorded, if nobody has recorded anything else meanwhile.
    Write {
        /// The payment as it is then.
        payment: Box<Payment>,
        /// What is told of it, in this order.
        events: Vec<PaymentEvent>,
    },
}

/// Why something cannot be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no payment.
    #[error("there is no such payment")]
    NotFound,
    /// The order is being paid, or was.
    #[error("the order has its payment")]
    Exists,
    /// The bank said no.
    #[error("the payment was declined: {0}")]
    Declined(String),
    /// The order has ended: money can only be given back.
    #[error("the payment has ended")]
    Ended,
    /// The money can never be taken.
    #[error("the provider refused the capture: {0}")]
    CaptureRefused(String),
    /// No money was taken that could go back.
    #[error("a payment that is {0:?} cannot be refunded")]
    NotCaptured(Status),
    /// More than is left of what was taken.
    #[error("only {} of it is left", .0.to_decimal())]
    TooMuch(Money),
    /// There are too many parts.
    #[error("it was refunded in {MOST_REFUNDS} parts, which is the most")]
    TooManyRefunds,
    /// The provider will not give it back.
    #[error("the provider refused the refund: {0}")]
    RefundRefused(String),
    /// The provider says what cannot be, after what is recorded.
    #[error("the provider tells of a payment that is {0:?} what cannot be")]
    Contradiction(Status),
}

/// What a provider tells unasked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// The money is set aside.
    Authorized,
    /// The money was taken.
    Captured,
    /// What was set aside is free again.
    Canceled,
    /// The bank said no.
    Failed {
        /// The provider's word for why.
        reason: String,
    },
    /// Money went back.
    Refunded {
        /// Ours, or one that follows from the provider's if it was not us who asked.
        id: RefundId,
        /// How much.
        amount: Money,
    },
    /// Money that was to go back could not.
    RefundFailed {
        /// As above.
        id: RefundId,
        /// The provider's word for why.
        reason: String,
    },
}

/// Takes note that somebody wants to pay.
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

/// Has the provider set the money aside.
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
        // The order ended while we asked: what the provider set aside meanwhile goes back.
        Status::Voided | Status::Barred if answer.is_none() => Step::Ask(Call::Void),
        Status::Voided | Status::Barred => Step::Refused(Refusal::Ended),
    }
}

/// Has the provider take the money that it set aside.
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
            Step::Refused(Refusal::CaptureRefused("nothing is set aside".to_owned()))
        }
    }
}

/// Tells, once, that the money of a confirmed order can never be taken: the provider refuses it, or has let go of it. An order that was
/// cancelled meanwhile has nothing to learn from that.
pub fn give_up(reason: &str, known: Option<&Payment>, now: Timestamp) -> Step {
    match known {
        Some(payment)
            if matches!(payment.status, Status::Authorized | Status::Voided) && payment.failure_reason.is_none() =>
        {
            let event = failure(payment, reason);
            let told = Payment { failure_reason: Some(reason.to_owned()), ..payment.becoming(payment.status, now) };
            write(told, vec![event])
        }
        _ => Step::Done,
    }
}

/// Gives back whatever was set aside or taken for an order; from then on nothing can be.
pub fn undo(due: &Due, known: Option<&Payment>, answer: Option<Answer>, now: Timestamp) -> Step {
    let Some(payment) = known else {
        // First the bar, then the provider: an authorization that is on its way finds one of the two.
        return write(Payment::new(due, "", Status::Barred, now), vec![]);
    };
    match (payment.status, answer) {
        (Status::Pending, _) => write(payment.becoming(Status::Voided, now), vec![]),
        (Status::Authorized | Status::Voided | Status::Barred, Some(Answer::WasCaptured)) => captured(payment, now),
        (Status::Authorized, Some(Answer::Voided)) => write(payment.becoming(Status::Voided, now), vec![]),
        (Status::Voided | Status::Barred, Some(Answer::Voided)) | (Status::Declined | Status::Refunded, _) => {
            Step::Done
        }
        (Status::Authorized | Status::Voided | Status::Barred, _) => Step::Ask(Call::Void),
        (Status::Captured | Status::PartlyRefunded, answer) => {
            let id = RefundId::derived(due.order_id, "undo");
            match payment.refund(id).map(|refund| refund.status) {
                _ if payment.pending_refund().is_some() => settle(Some(payment), answer, now),
                // Asked for before, and all that it was to give back is gone, or cannot go.
                Some(RefundStatus::Failed) => settled(payment, id),
                _ if payment.refundable().minor() == 0 => Step::Done,
                _ => add_refund(payment, id, payment.refundable(), Some("the order was cancelled".to_owned()), now),
            }
        }
    }
}

/// Gives back a part of what was taken, or if no `amount` is named all that is left.
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
            (RefundStatus::Pending, Some(answer)) => refund_answered(payment, id, answer, now),
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
        Status::Captured | Status::PartlyRefunded if payment.refunds.len() >= MOST_REFUNDS => {
            Step::Refused(Refusal::TooManyRefunds)
        }
        Status::Captured | Status::PartlyRefunded => add_refund(payment, id, amount, reason.map(str::to_owned), now),
        other => Step::Refused(Refusal::NotCaptured(other)),
    }
}

/// Carries out what was asked for and has not gone back yet.
pub fn settle(known: Option<&Payment>, answer: Option<Answer>, now: Timestamp) -> Step {
    let Some((payment, refund)) = known.and_then(|payment| Some((payment, payment.pending_refund()?))) else {
        return Step::Done;
    };
    match answer {
        Some(answer) => refund_answered(payment, refund.id, answer, now),
        None => Step::Ask(Call::Refund { id: refund.id, amount: refund.amount }),
    }
}

/// Takes note of what the provider tells unasked: told twice, late, or before it has answered, it changes nothing twice.
pub fn hear(due: &Due, method: &str, reference: &str, fact: &Fact, known: Option<&Payment>, now: Timestamp) -> Step {
    let status = known.map(|payment| payment.status);
    if let Some(payment) = known
        && payment.amount != due.total
    {
        return Step::Refused(Refusal::Contradiction(payment.status));
    }
    match (fact, status) {
        (Fact::Authorized, None | Some(Status::Pending)) => {
            approved(due, method, known, Some(reference.to_owned()), now)
        }
        (Fact::Failed { reason }, None | Some(Status::Pending)) => declined(due, method, known, reason.clone(), now),
        (Fact::Authorized | Fact::Failed { .. }, Some(_)) => Step::Done,

        (Fact::Captured, Some(Status::Captured | Status::PartlyRefunded | Status::Refunded)) => Step::Done,
        (Fact::Captured | Fact::Refunded { .. }, None | Some(Status::Pending | Status::Authorized)) => {
            let new = Payment { version: 0, ..Payment::new(due, method, Status::Pending, now) };
            let before = known.cloned().unwrap_or(new);
            captured(&Payment { reference: Some(reference.to_owned()), ..before }, now)
        }

        (Fact::Canceled, Some(Status::Authorized)) => {
            known.map_or(Step::Done, |payment| write(payment.becoming(Status::Voided, now), vec![]))
        }
        // Whoever asks for a pending payment is told that it is declined, or has it voided.
        (Fact::Canceled, None | Some(Status::Pending | Status::Voided | Status::Barred | Status::Declined)) => {
            Step::Done
        }

        (Fact::Refunded { id, amount }, Some(Status::Captured | Status::PartlyRefunded | Status::Refunded)) => {
            known.map_or(Step::Done, |payment| heard_refund(payment, *id, *amount, now))
        }
        (Fact::RefundFailed { id, reason }, Some(status)) => match known.and_then(|payment| payment.refund(*id)) {
            Some(refund) if refund.status == RefundStatus::Pending => known.map_or(Step::Done, |payment| {
                refund_answered(payment, *id, Answer::RefundRefused { reason: reason.clone() }, now)
            }),
            Some(refund) if refund.status == RefundStatus::Succeeded => Step::Refused(Refusal::Contradiction(status)),
            _ => Step::Done,
        },
        (Fact::RefundFailed { .. }, None) => Step::Done,

        (Fact::Captured | Fact::Canceled | Fact::Refunded { .. }, Some(status)) => {
            Step::Refused(Refusal::Contradiction(status))
        }
    }
}

fn heard_refund(payment: &Payment, id: RefundId, amount: Money, now: Timestamp) -> Step {
    match payment.refund(id).map(|refund| refund.status) {
        Some(RefundStatus::Succeeded) => Step::Done,
        Some(RefundStatus::Pending) => refund_answered(payment, id, Answer::Refunded, now),
        Some(RefundStatus::Failed) => Step::Refused(Refusal::Contradiction(payment.status)),
        None if amount.minor() > payment.refundable().minor() => Step::Refused(Refusal::Contradiction(payment.status)),
        None => match add_refund(payment, id, amount, Some("given back at the provider".to_owned()), now) {
            Step::Write { payment: pending, .. } => {
                // One step: what has gone is never pending.
                let pending = Payment { version: payment.version, ..*pending };
                refund_answered(&pending, id, Answer::Refunded, now)
            }
            other => other,
        },
    }
}

fn approved(due: &Due, method: &str, known: Option<&Payment>, reference: Option<String>, now: Timestamp) -> Step {
    let payment = tried(due, method, known, Status::Authorized, now);
    write(Payment { reference, ..payment }, vec![])
}

fn declined(due: &Due, method: &str, known: Option<&Payment>, reason: String, now: Timestamp) -> Step {
    let mut payment = tried(due, method, known, Status::Declined, now);
    let event = failure(&payment, &reason);
    payment.failure_reason = Some(reason);
    write(payment, vec![event])
}

fn failure(payment: &Payment, reason: &str) -> PaymentEvent {
    let (payment_id, order_id, user_id, amount) = (payment.id, payment.order_id, payment.user_id, payment.amount);
    PaymentFailed { payment_id, order_id, user_id, amount, reason: reason.to_owned() }.into()
}

/// A payment of which nothing was known, or that was pending; the checkout's method is the one that was tried.
fn tried(due: &Due, method: &str, known: Option<&Payment>, status: Status, now: Timestamp) -> Payment {
    match known {
        Some(payment) => Payment { method: method.to_owned(), ..payment.becoming(status, now) },
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
    // What stood in its way before is over.
    let captured = Payment { failure_reason: None, ..payment.becoming(Status::Captured, now) };
    write(captured, vec![event.into()])
}

fn add_refund(payment: &Payment, id: RefundId, amount: Money, reason: Option<String>, now: Timestamp) -> Step {
    let refund = Refund { id, amount, status: RefundStatus::Pending, reason, failure_reason: None, created_at: now };
    let mut payment = payment.becoming(payment.status, now);
    payment.refunds.push(refund);
    write(payment, vec![])
}

/// Records what the provider said of a refund that was pending.
fn refund_answered(payment: &Payment, id: RefundId, answer: Answer, now: Timestamp) -> Step {
    let (status, failure_reason) = match answer {
        Answer::RefundRefused { reason } => (RefundStatus::Failed, Some(reason)),
        _ => (RefundStatus::Succeeded, None),
    };
    let mut after = payment.becoming(payment.status, now);
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
