//! The steps of payments. Each reads the payment, calls the provider, or writes the payment. Other functions may run in
//! between.

use contracts::PaymentEvent;
use payments::{
    PaymentsError,
    domain::{self, Answer, Call, Payment, Status, Step},
    provider::ledger::{self, Reply, SimulatorLedger, State as LedgerState},
};

use crate::{
    hashed::Hashed,
    mutation::Mutation,
    state::{Checkout, Message, Progress, now},
};

/// The goal of a function of payments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// Authorize the payment.
    Authorize,
    /// Capture the payment.
    Capture,
    /// Void the authorization, or refund the payment.
    Undo,
    /// Publish that the payment cannot be captured.
    GiveUp,
}

/// Whether the provider responds to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// The provider responds.
    Responds,
    /// The response does not arrive in time.
    TimesOut {
        /// Whether the call reaches the provider later.
        arrives_later: bool,
    },
}

/// The outcome of a small step.
pub enum Outcome {
    /// The function continues from there.
    Continues(Progress),
    /// The function ends, with success or with an error.
    Ends(Result<(), PaymentsError>),
}

/// Takes one small step towards `goal`.
pub fn advance(
    checkout: &mut Checkout,
    goal: Goal,
    progress: &Progress,
    provider: Provider,
    mutation: Option<Mutation>,
) -> Outcome {
    let (known, answer) = match progress {
        Progress::Started | Progress::HasOrder(_) => {
            return Outcome::Continues(Progress::HasPayment(checkout.payment.clone()));
        }
        Progress::HasPayment(known) => (known, None),
        Progress::HasAnswer(known, answer) => (known, Some(answer.clone())),
    };
    match next(checkout, goal, known.as_deref(), answer.clone(), mutation) {
        Step::Done => Outcome::Ends(Ok(())),
        Step::Refused(refusal) => Outcome::Ends(Err(PaymentsError::Refused(refusal, None))),
        Step::Ask(_) if answer.is_some() => {
            Outcome::Ends(Err(PaymentsError::Unavailable("the provider gave an answer to another call".to_owned())))
        }
        Step::Ask(call) => match ask(checkout, call, provider) {
            Some(answer) => Outcome::Continues(Progress::HasAnswer(known.clone(), answer)),
            None => {
                if goal == Goal::Authorize && checkout.payment.is_none() {
                    let pending = Payment::new(&checkout.due(), checkout.card, Status::Pending, now());
                    checkout.payment = Some(Hashed::new(pending));
                }
                Outcome::Ends(Err(PaymentsError::Unavailable("the provider did not respond".to_owned())))
            }
        },
        Step::Write { payment, events } => {
            let version = |payment: &Option<Hashed<Payment>>| payment.as_ref().map(|payment| payment.version);
            if version(&checkout.payment) == version(known) || mutation == Some(Mutation::IgnorePaymentVersion) {
                checkout.payment = Some(Hashed::new(*payment));
                events.iter().for_each(|event| publish(checkout, event));
            }
            // The payment is its own, or what another function has written since.
            Outcome::Continues(Progress::HasPayment(checkout.payment.clone()))
        }
    }
}

/// Returns whether the next small step calls the provider.
pub fn is_about_to_ask(checkout: &Checkout, goal: Goal, progress: &Progress, mutation: Option<Mutation>) -> bool {
    match progress {
        Progress::HasPayment(known) => matches!(next(checkout, goal, known.as_deref(), None, mutation), Step::Ask(_)),
        _ => false,
    }
}

/// Has the provider carry out a call that reaches it.
pub fn arrive(checkout: &mut Checkout, call: &Call) -> Reply {
    let (after, reply) = ledger::answer(checkout.provider_ledger.as_deref(), &checkout.due(), call);
    if let Some(after) = after {
        let is_captured =
            |ledger: Option<&SimulatorLedger>| ledger.is_some_and(|ledger| ledger.state == LedgerState::Captured);
        if is_captured(Some(&after)) && !is_captured(checkout.provider_ledger.as_deref()) {
            checkout.history.captures += 1;
            checkout.history.captured_early |= checkout.order.payment_id.is_none();
        }
        checkout.provider_ledger = Some(Hashed::new(after));
    }
    reply
}

fn next(
    checkout: &Checkout,
    goal: Goal,
    known: Option<&Payment>,
    answer: Option<Answer>,
    mutation: Option<Mutation>,
) -> Step {
    let due = checkout.due();
    match goal {
        Goal::Authorize => domain::authorize(&due, checkout.card, known, answer, now()),
        Goal::Capture => domain::capture(known, answer, now()),
        Goal::Undo if known.is_none() && mutation == Some(Mutation::NoBar) => Step::Done,
        Goal::Undo => domain::undo(&due, known, answer, now()),
        Goal::GiveUp => domain::give_up("capture_refused", known, now()),
    }
}

fn ask(checkout: &mut Checkout, call: Call, provider: Provider) -> Option<Answer> {
    match provider {
        Provider::Responds => match arrive(checkout, &call) {
            Reply::Says(answer) => Some(answer),
            Reply::Fails | Reply::NeverAnswers => None,
        },
        Provider::TimesOut { arrives_later } => {
            if arrives_later && !checkout.delayed_calls.contains(&call) {
                checkout.delayed_calls.push(call);
            }
            None
        }
    }
}

fn publish(checkout: &mut Checkout, event: &PaymentEvent) {
    match event {
        PaymentEvent::PaymentRequested(_) => {}
        PaymentEvent::PaymentProcessed(_) => {
            checkout.history.captures_published += 1;
            checkout.send(Message::PaymentProcessed);
        }
        PaymentEvent::PaymentFailed(_) => checkout.send(Message::PaymentFailed),
        PaymentEvent::PaymentRefunded(refund) => checkout.history.refunded_published += refund.amount.minor(),
    }
}
