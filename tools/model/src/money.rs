//! payments' steps, each a small one: read, ask the provider, write. In between others may come.

use contracts::PaymentEvent;
use payments::{
    PaymentsError,
    domain::{self, Payment, Status, Step},
    provider::{
        Answer, Call,
        books::{self, Reply, State as Held},
    },
};

use crate::{
    kept::Kept,
    mutation::Mutation,
    state::{Letter, Progress, Sale, now},
};

/// What is to be done for a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// Set the money aside.
    Authorize,
    /// Take it.
    Capture,
    /// Give it back.
    Undo,
    /// Tell that it cannot be taken.
    GiveUp,
}

/// Whether the provider answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// It does.
    Up,
    /// It is asked, and its answer does not come.
    Down {
        /// Whether the call arrives, some time.
        arrives: bool,
    },
}

/// What a small step leads to.
pub enum Outcome {
    /// They go on from there.
    GoesOn(Progress),
    /// They are done, or it cannot be done.
    Ends(Result<(), PaymentsError>),
}

/// One small step towards `goal`.
pub fn advance(sale: &mut Sale, goal: Goal, progress: &Progress, line: Line, mutation: Option<Mutation>) -> Outcome {
    let (known, answer) = match progress {
        Progress::Begins | Progress::HasOrder(_) => return Outcome::GoesOn(Progress::HasPayment(sale.payment.clone())),
        Progress::HasPayment(known) => (known, None),
        Progress::Heard(known, answer) => (known, Some(answer.clone())),
    };
    match next(sale, goal, known.as_deref(), answer.clone(), mutation) {
        Step::Done => Outcome::Ends(Ok(())),
        Step::Refused(refusal) => Outcome::Ends(Err(PaymentsError::Refused(refusal, None))),
        Step::Ask(_) if answer.is_some() => {
            Outcome::Ends(Err(PaymentsError::Unavailable("the provider says what was not asked".to_owned())))
        }
        Step::Ask(call) => match ask(sale, call, line) {
            Some(answer) => Outcome::GoesOn(Progress::Heard(known.clone(), answer)),
            None => {
                if goal == Goal::Authorize && sale.payment.is_none() {
                    let pending = Payment::new(&sale.due(), sale.card, Status::Pending, now());
                    sale.payment = Some(Kept::new(pending));
                }
                Outcome::Ends(Err(PaymentsError::Unavailable("no answer".to_owned())))
            }
        },
        Step::Write { payment, events } => {
            let version = |payment: &Option<Kept<Payment>>| payment.as_ref().map(|payment| payment.version);
            if version(&sale.payment) == version(known) || mutation == Some(Mutation::WriteAnyVersion) {
                sale.payment = Some(Kept::new(*payment));
                events.iter().for_each(|event| tell(sale, event));
            }
            // Its own, or what somebody else has written meanwhile.
            Outcome::GoesOn(Progress::HasPayment(sale.payment.clone()))
        }
    }
}

/// Whether the next small step asks the provider.
pub fn is_about_to_ask(sale: &Sale, goal: Goal, progress: &Progress, mutation: Option<Mutation>) -> bool {
    match progress {
        Progress::HasPayment(known) => matches!(next(sale, goal, known.as_deref(), None, mutation), Step::Ask(_)),
        _ => false,
    }
}

/// A call reaches the provider, which does what it is asked.
pub fn arrive(sale: &mut Sale, call: &Call) -> Reply {
    let (after, reply) = books::answer(sale.books.as_deref(), &sale.due(), call);
    if let Some(after) = after {
        let is_taken = |books: Option<&books::Books>| books.is_some_and(|books| books.state == Held::Captured);
        if is_taken(Some(&after)) && !is_taken(sale.books.as_deref()) {
            sale.ledger.taken += 1;
            sale.ledger.taken_early |= sale.order.payment_id.is_none();
        }
        sale.books = Some(Kept::new(after));
    }
    reply
}

fn next(sale: &Sale, goal: Goal, known: Option<&Payment>, answer: Option<Answer>, mutation: Option<Mutation>) -> Step {
    let due = sale.due();
    match goal {
        Goal::Authorize => domain::authorize(&due, sale.card, known, answer, now()),
        Goal::Capture => domain::capture(known, answer, now()),
        Goal::Undo if known.is_none() && mutation == Some(Mutation::NoBar) => Step::Done,
        Goal::Undo => domain::undo(&due, known, answer, now()),
        Goal::GiveUp => domain::give_up("capture_refused", known, now()),
    }
}

fn ask(sale: &mut Sale, call: Call, line: Line) -> Option<Answer> {
    match line {
        Line::Up => match arrive(sale, &call) {
            Reply::Says(answer) => Some(answer),
            Reply::Fails | Reply::NeverAnswers => None,
        },
        Line::Down { arrives } => {
            if arrives && !sale.calls.contains(&call) {
                sale.calls.push(call);
            }
            None
        }
    }
}

fn tell(sale: &mut Sale, event: &PaymentEvent) {
    match event {
        PaymentEvent::PaymentRequested(_) => {}
        PaymentEvent::PaymentProcessed(_) => {
            sale.ledger.told_taken += 1;
            sale.send(Letter::Processed);
        }
        PaymentEvent::PaymentFailed(_) => sale.send(Letter::Failed),
        PaymentEvent::PaymentRefunded(refund) => sale.ledger.told_back += refund.amount.minor(),
    }
}
