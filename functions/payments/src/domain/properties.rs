//! Property tests: in any interleaving of steps, the record, the events and the provider's ledger agree on the money.
//!
//! Several actors authorize, capture, undo, refund and apply the provider's events at the same time, in small steps and
//! in any order. Each may crash after any step and start again without its memory; a call that it has sent then arrives
//! later. In the end all actors finish.

use contracts::PaymentEvent;
use kernel::{Currency, Money, OrderId, RefundId, Timestamp, UserId};
use proptest::prelude::*;

use super::*;
use crate::provider::ledger::{self, Reply, SimulatorLedger, State};

/// The maximum number of rounds until all actors have finished. In each round, every actor takes a step.
const MAX_ROUNDS: usize = 300;

/// What an actor repeats until it is done or refused.
#[derive(Debug, Clone)]
enum Goal {
    Request,
    Authorize,
    Capture,
    Undo,
    /// Refunds this amount in minor units, or all that is left.
    Refund(RefundId, Option<i64>),
    Settle,
    Apply(ProviderEvent),
}

/// The progress of an actor, with the payment as it has read it, however old that is.
#[derive(Debug, Clone)]
enum Progress {
    Start,
    Read(Option<Payment>),
    /// The call is under way.
    Calling(Option<Payment>, Call),
    Answered(Option<Payment>, Answer),
    /// The provider failed: an authorization records the payment as pending.
    Failed,
    Finished(Option<Refusal>),
}

#[derive(Debug, Clone)]
struct Actor {
    goal: Goal,
    progress: Progress,
}

#[derive(Debug, Clone)]
enum Action {
    /// An actor takes some steps.
    Advance(usize, u8),
    /// An actor crashes, or is invoked again after it has finished.
    Crash(usize),
    /// A call arrives whose sender has crashed.
    Deliver(usize),
    /// An amount is refunded in the provider's dashboard.
    RefundAtProvider(i64),
}

struct Simulation {
    due: Due,
    card: &'static str,
    record: Option<Payment>,
    published: Vec<PaymentEvent>,
    ledger: Option<SimulatorLedger>,
    actors: Vec<Actor>,
    /// Calls whose senders have crashed.
    orphans: Vec<Call>,
    refunded_at_provider: bool,
    undone: bool,
}

fn now() -> Timestamp {
    Timestamp::from_millis(0)
}

fn usd(minor: i64) -> Money {
    Money::from_minor(minor, Currency::Usd)
}

impl Simulation {
    fn new(card: &'static str, total: i64, goals: Vec<Goal>) -> Self {
        let due = Due { order_id: OrderId::from([1; 16]), user_id: UserId::from([2; 16]), total: usd(total) };
        let actors = goals.into_iter().map(|goal| Actor { goal, progress: Progress::Start }).collect();
        let (record, published, ledger, orphans) = (None, Vec::new(), None, Vec::new());
        Self { due, card, record, published, ledger, actors, orphans, refunded_at_provider: false, undone: false }
    }

    fn next(&self, goal: &Goal, known: Option<&Payment>, answer: Option<Answer>) -> Step {
        match goal {
            Goal::Request => request(&self.due, self.card, known, now()),
            Goal::Authorize => authorize(&self.due, self.card, known, answer, now()),
            Goal::Capture => capture(known, answer, now()),
            Goal::Undo => undo(&self.due, known, answer, now()),
            Goal::Refund(id, amount) => refund(*id, amount.map(usd), None, known, answer, now()),
            Goal::Settle => settle(known, answer, now()),
            Goal::Apply(event) => apply_provider_event(&self.due, self.card, "pi_1", event, known, now()),
        }
    }

    fn perform(&mut self, action: &Action) {
        match *action {
            Action::Advance(index, steps) => (0..steps).for_each(|_| self.advance(index % self.actors.len())),
            Action::Crash(index) => {
                let index = index % self.actors.len();
                let before = std::mem::replace(&mut self.actors[index].progress, Progress::Start);
                if let Progress::Calling(_, call) = before {
                    self.orphans.push(call);
                }
            }
            Action::Deliver(_) if self.orphans.is_empty() => {}
            Action::Deliver(index) => {
                let call = self.orphans.remove(index % self.orphans.len());
                self.reach_provider(&call);
            }
            Action::RefundAtProvider(amount) => {
                if self.ledger.as_ref().is_some_and(|ledger| ledger.state == State::Captured) {
                    self.refunded_at_provider = true;
                    self.reach_provider(&Call::Refund { id: RefundId::new(), amount: usd(amount) });
                }
            }
        }
    }

    /// Takes one small step of an actor: it reads, calls the provider, gets the answer, or writes.
    fn advance(&mut self, index: usize) {
        let Actor { goal, progress } = self.actors[index].clone();
        let after = match progress {
            Progress::Start => Progress::Read(self.record.clone()),
            Progress::Read(known) => match self.next(&goal, known.as_ref(), None) {
                Step::Ask(call) => {
                    let is_authorized = known.as_ref().is_some_and(|payment| payment.status == Status::Authorized);
                    assert!(call != Call::Capture || is_authorized, "a capture of {known:?}");
                    Progress::Calling(known, call)
                }
                step => self.carry_out(step, known.as_ref()),
            },
            Progress::Calling(known, call) => match self.reach_provider(&call) {
                Reply::Says(answer) => Progress::Answered(known, answer),
                Reply::Fails | Reply::NeverAnswers => Progress::Failed,
            },
            Progress::Answered(known, answer) => match self.next(&goal, known.as_ref(), Some(answer.clone())) {
                Step::Ask(call) => panic!("{goal:?} got {answer:?} and calls {call:?}"),
                step => self.carry_out(step, known.as_ref()),
            },
            Progress::Failed => {
                let pending = Payment::new(&self.due, self.card, Status::Pending, now());
                if matches!(goal, Goal::Authorize) && self.record.is_none() {
                    self.record = Some(pending);
                }
                Progress::Start
            }
            finished @ Progress::Finished(_) => finished,
        };
        // The provider delivers an event again that was refused.
        let is_redelivered =
            matches!((&goal, &after), (Goal::Apply(_), Progress::Finished(Some(Refusal::Contradiction(_)))));
        self.actors[index].progress = if is_redelivered { Progress::Start } else { after };
        self.undone |= matches!((&goal, &self.actors[index].progress), (Goal::Undo, Progress::Finished(None)));
        self.check();
    }

    fn carry_out(&mut self, step: Step, known: Option<&Payment>) -> Progress {
        match step {
            Step::Done => Progress::Finished(None),
            Step::Refused(refusal) => Progress::Finished(Some(refusal)),
            Step::Ask(call) => panic!("{call:?} is not a result"),
            Step::Write { payment, events } => {
                let version = |payment: &Payment| payment.version;
                if self.record.as_ref().map(version) != known.map(version) {
                    return Progress::Start;
                }
                assert!(known.is_none_or(|known| payment.version > known.version), "a write without a new version");
                let first = payment.sequence + 1 - events.len() as u64;
                assert_eq!(first, self.published.len() as u64 + 1, "a gap or a duplicate in the events' sequence");
                self.published.extend(events);
                self.record = Some(*payment.clone());
                Progress::Read(Some(*payment))
            }
        }
    }

    /// Has the provider process a call, and delivers each event that follows from it twice.
    fn reach_provider(&mut self, call: &Call) -> Reply {
        let before = self.ledger.clone();
        let (after, reply) = ledger::answer(before.as_ref(), &self.due, call);
        self.ledger = after.or(self.ledger.take());
        let state = |ledger: &Option<SimulatorLedger>| ledger.as_ref().map(|ledger| ledger.state);
        let moved = state(&before) != state(&self.ledger);
        let event = match (call, &reply, state(&self.ledger)) {
            (Call::Refund { id, amount }, Reply::Says(Answer::Refunded), _) => {
                Some(ProviderEvent::Refunded { id: *id, amount: *amount })
            }
            (Call::Refund { id, .. }, Reply::Says(Answer::RefundRefused { reason }), _) => {
                self.check_refusal(reason);
                Some(ProviderEvent::RefundFailed { id: *id, reason: reason.clone() })
            }
            (_, _, Some(State::Authorized)) if moved => Some(ProviderEvent::Authorized),
            (_, _, Some(State::Captured)) if moved => Some(ProviderEvent::Captured),
            (_, _, Some(State::Voided)) if moved => Some(ProviderEvent::Canceled),
            (_, _, Some(State::Declined)) if moved => Some(ProviderEvent::Failed { reason: "declined".to_owned() }),
            _ => None,
        };
        if let Some(event) = event.filter(|_| before != self.ledger || matches!(call, Call::Refund { .. })) {
            let consumer = Actor { goal: Goal::Apply(event), progress: Progress::Start };
            self.actors.extend([consumer.clone(), consumer]);
        }
        reply
    }

    /// Returns the amounts captured and refunded at the provider.
    fn at_provider(&self) -> (i64, i64) {
        let Some(ledger) = &self.ledger else { return (0, 0) };
        let captured = if ledger.state == State::Captured { ledger.amount.map_or(0, Money::minor) } else { 0 };
        (captured, ledger.refunds.values().map(|amount| amount.minor()).sum())
    }

    /// Returns the amounts captured and refunded according to the published events.
    fn in_events(&self) -> (i64, i64) {
        self.published.iter().fold((0, 0), |(captured, refunded), event| match event {
            PaymentEvent::PaymentProcessed(payment) => (captured + payment.amount.minor(), refunded),
            PaymentEvent::PaymentRefunded(refund) => (captured, refunded + refund.amount.minor()),
            PaymentEvent::PaymentRequested(_) | PaymentEvent::PaymentFailed(_) => (captured, refunded),
        })
    }

    /// Checks that the provider refuses no refund for its amount, unless others were made in its dashboard.
    fn check_refusal(&self, reason: &str) {
        assert!(self.refunded_at_provider || reason == "refund_refused", "the provider refused a refund: {reason}");
    }

    /// Checks the invariants that hold at every moment.
    fn check(&self) {
        let processed =
            self.published.iter().filter(|event| matches!(event, PaymentEvent::PaymentProcessed(_))).count();
        assert!(processed <= 1, "PaymentProcessed was published {processed} times");
        let ((captured, refunded), published) = (self.at_provider(), self.in_events());
        assert!(
            published.0 <= captured && published.1 <= refunded,
            "events say {published:?}, the provider {captured} and {refunded}"
        );
        assert!(refunded <= captured, "{refunded} of {captured} was refunded");
        if let Some(payment) = &self.record {
            assert_eq!(payment.sequence, self.published.len() as u64);
            let requested = payment.refunds.iter().filter(|refund| refund.status != RefundStatus::Failed);
            let requested: i64 = requested.map(|refund| refund.amount.minor()).sum();
            assert!(requested <= published.0, "refunds of {requested} were recorded, of {} captured", published.0);
        }
        if self.undone {
            self.check_nothing_is_left();
        }
    }

    fn check_nothing_is_left(&self) {
        let is_authorized = self.ledger.as_ref().is_some_and(|ledger| ledger.state == State::Authorized);
        let (captured, refunded) = self.at_provider();
        assert!(
            !is_authorized && captured == refunded,
            "the payment has ended, but is authorized: {is_authorized}, not refunded: {}",
            captured - refunded
        );
    }

    /// Lets all actors finish, and delivers the calls whose senders have crashed.
    fn finish(&mut self) {
        let mut rounds = 0;
        while !self.orphans.is_empty()
            || self.actors.iter().any(|actor| !matches!(actor.progress, Progress::Finished(_)))
        {
            rounds += 1;
            assert!(rounds < MAX_ROUNDS, "an actor never finishes: {:?}", self.actors);
            (0..self.actors.len()).for_each(|index| self.advance(index));
            self.perform(&Action::Deliver(0));
        }
        self.check();
        let (captured, refunded) = self.at_provider();
        assert_eq!(
            self.in_events(),
            (captured, refunded),
            "the events do not agree with the provider's ledger: {:?}",
            self.record
        );
        if let Some(payment) = &self.record {
            assert_eq!(payment.status == Status::Refunded, captured > 0 && captured == refunded, "{payment:?}");
            if payment.status.has_ended() {
                self.check_nothing_is_left();
            }
        }
    }
}

fn any_goals() -> impl Strategy<Value = Vec<Goal>> {
    let amount = prop_oneof![Just(None), (1_i64..1_200).prop_map(Some)];
    (0..2_usize, 1..3_usize, 1..3_usize, 0..3_usize, proptest::collection::vec(amount, 0..5), 0..2_usize).prop_map(
        |(requests, authorizations, captures, undos, refunds, settlements)| {
            let mut goals = vec![Goal::Request; requests];
            goals.extend(vec![Goal::Authorize; authorizations]);
            goals.extend(vec![Goal::Capture; captures]);
            let refunds = refunds.into_iter().zip(1_u8..);
            goals.extend(refunds.map(|(amount, name)| Goal::Refund(RefundId::from([name; 16]), amount)));
            goals.extend(vec![Goal::Undo; undos]);
            goals.extend(vec![Goal::Settle; settlements]);
            goals
        },
    )
}

fn any_action() -> impl Strategy<Value = Action> {
    let index = 0..60_usize;
    prop_oneof![
        12 => (index.clone(), 1..8_u8).prop_map(|(index, steps)| Action::Advance(index, steps)),
        4 => index.clone().prop_map(Action::Crash),
        2 => index.prop_map(Action::Deliver),
    ]
}

fn any_card() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        4 => Just("pm_card_visa"),
        1 => Just("pm_card_captureFail"),
        1 => Just("pm_card_refundFail"),
        1 => Just("pm_card_failsOnce"),
        1 => Just("pm_card_chargeDeclined"),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn money_moves_once_and_record_events_and_ledger_agree(
        card in any_card(),
        goals in any_goals(),
        actions in proptest::collection::vec(any_action(), 0..60),
    ) {
        let mut simulation = Simulation::new(card, 1_000, goals);
        actions.iter().for_each(|action| simulation.perform(action));
        simulation.finish();
    }

    /// Refunds are made in the provider's dashboard while others are made through this context.
    #[test]
    fn refunds_made_at_the_provider_are_recorded(
        goals in any_goals(),
        actions in proptest::collection::vec(
            prop_oneof![8 => any_action(), 1 => (1_i64..1_200).prop_map(Action::RefundAtProvider)],
            0..60,
        ),
    ) {
        let mut simulation = Simulation::new("pm_card_visa", 1_000, goals);
        actions.iter().for_each(|action| simulation.perform(action));
        simulation.finish();
    }
}
