//! Whatever happens, in whichever order, our record, our events and the provider's books agree on the money.
//!
//! Several at once authorize, capture, undo, refund and hear the provider's news, a small step at a time, in any order. Each may die after
//! any of them and begin anew, having forgotten all; a call that was on its way then arrives later. In the end all are let finish.

use contracts::PaymentEvent;
use kernel::{Currency, Money, OrderId, RefundId, Timestamp, UserId};
use proptest::prelude::*;

use super::*;
use crate::provider::{
    Answer, Call,
    books::{self, Books, Reply, State},
};

/// How many rounds, in each of which everybody takes a step, may pass until everybody is done.
const MOST_ROUNDS: usize = 300;

/// What somebody is to do, however often it takes.
#[derive(Debug, Clone)]
enum Goal {
    Request,
    Authorize,
    Capture,
    Undo,
    /// So much, or all that is left.
    Refund(RefundId, Option<i64>),
    Settle,
    Hear(Fact),
}

/// How far they have come: what they have read stays with them, however old it gets.
#[derive(Debug, Clone)]
enum Progress {
    Begins,
    Knows(Option<Payment>),
    /// The call is on its way.
    Asks(Option<Payment>, Call),
    Heard(Option<Payment>, Answer),
    /// The provider failed: an authorization leaves the payment pending behind.
    Failed,
    Over(Option<Refusal>),
}

#[derive(Debug, Clone)]
struct Actor {
    goal: Goal,
    progress: Progress,
}

#[derive(Debug, Clone)]
enum Happening {
    /// Somebody goes on by some steps.
    Steps(usize, u8),
    /// Somebody dies, or is told again to do what is done.
    Crash(usize),
    /// A call arrives whose sender has died.
    Arrives(usize),
    /// So much is given back by hand, at the provider.
    ByHand(i64),
}

struct World {
    due: Due,
    card: &'static str,
    record: Option<Payment>,
    told: Vec<PaymentEvent>,
    books: Option<Books>,
    actors: Vec<Actor>,
    /// Calls whose senders have died.
    orphans: Vec<Call>,
    refunded_by_hand: bool,
    undone: bool,
}

fn now() -> Timestamp {
    Timestamp::from_millis(0)
}

fn usd(minor: i64) -> Money {
    Money::from_minor(minor, Currency::Usd)
}

impl World {
    fn new(card: &'static str, total: i64, goals: Vec<Goal>) -> Self {
        let due = Due { order_id: OrderId::from([1; 16]), user_id: UserId::from([2; 16]), total: usd(total) };
        let actors = goals.into_iter().map(|goal| Actor { goal, progress: Progress::Begins }).collect();
        let (record, told, books, orphans) = (None, Vec::new(), None, Vec::new());
        Self { due, card, record, told, books, actors, orphans, refunded_by_hand: false, undone: false }
    }

    fn next(&self, goal: &Goal, known: Option<&Payment>, answer: Option<Answer>) -> Step {
        match goal {
            Goal::Request => request(&self.due, self.card, known, now()),
            Goal::Authorize => authorize(&self.due, self.card, known, answer, now()),
            Goal::Capture => capture(known, answer, now()),
            Goal::Undo => undo(&self.due, known, answer, now()),
            Goal::Refund(id, amount) => refund(*id, amount.map(usd), None, known, answer, now()),
            Goal::Settle => settle(known, answer, now()),
            Goal::Hear(fact) => hear(&self.due, self.card, "the provider's name", fact, known, now()),
        }
    }

    fn happens(&mut self, happening: &Happening) {
        match *happening {
            Happening::Steps(index, steps) => (0..steps).for_each(|_| self.go_on(index % self.actors.len())),
            Happening::Crash(index) => {
                let index = index % self.actors.len();
                let before = std::mem::replace(&mut self.actors[index].progress, Progress::Begins);
                if let Progress::Asks(_, call) = before {
                    self.orphans.push(call);
                }
            }
            Happening::Arrives(_) if self.orphans.is_empty() => {}
            Happening::Arrives(index) => {
                let call = self.orphans.remove(index % self.orphans.len());
                self.reach_provider(&call);
            }
            Happening::ByHand(amount) => {
                if self.books.as_ref().is_some_and(|books| books.state == State::Captured) {
                    self.refunded_by_hand = true;
                    self.reach_provider(&Call::Refund { id: RefundId::new(), amount: usd(amount) });
                }
            }
        }
    }

    /// One small step of one of them: reads, or asks, or is answered, or writes.
    fn go_on(&mut self, index: usize) {
        let Actor { goal, progress } = self.actors[index].clone();
        let after = match progress {
            Progress::Begins => Progress::Knows(self.record.clone()),
            Progress::Knows(known) => match self.next(&goal, known.as_ref(), None) {
                Step::Ask(call) => {
                    let is_authorized = known.as_ref().is_some_and(|payment| payment.status == Status::Authorized);
                    assert!(call != Call::Capture || is_authorized, "money is to be taken of {known:?}");
                    Progress::Asks(known, call)
                }
                step => self.carry_out(step, known.as_ref()),
            },
            Progress::Asks(known, call) => match self.reach_provider(&call) {
                Reply::Says(answer) => Progress::Heard(known, answer),
                Reply::Fails | Reply::NeverAnswers => Progress::Failed,
            },
            Progress::Heard(known, answer) => match self.next(&goal, known.as_ref(), Some(answer.clone())) {
                Step::Ask(call) => panic!("{goal:?} was told {answer:?}, and asks for {call:?}"),
                step => self.carry_out(step, known.as_ref()),
            },
            Progress::Failed => {
                let pending = Payment::new(&self.due, self.card, Status::Pending, now());
                if matches!(goal, Goal::Authorize) && self.record.is_none() {
                    self.record = Some(pending);
                }
                Progress::Begins
            }
            over @ Progress::Over(_) => over,
        };
        // The provider tells again what we could not make sense of yet.
        let is_told_again = matches!((&goal, &after), (Goal::Hear(_), Progress::Over(Some(Refusal::Contradiction(_)))));
        self.actors[index].progress = if is_told_again { Progress::Begins } else { after };
        self.undone |= matches!((&goal, &self.actors[index].progress), (Goal::Undo, Progress::Over(None)));
        self.check();
    }

    fn carry_out(&mut self, step: Step, known: Option<&Payment>) -> Progress {
        match step {
            Step::Done => Progress::Over(None),
            Step::Refused(refusal) => Progress::Over(Some(refusal)),
            Step::Ask(call) => panic!("{call:?} is a question"),
            Step::Write { payment, events } => {
                let version = |payment: &Payment| payment.version;
                if self.record.as_ref().map(version) != known.map(version) {
                    return Progress::Begins;
                }
                assert!(known.is_none_or(|known| payment.version > known.version), "a write that nobody can see");
                let first = payment.sequence + 1 - events.len() as u64;
                assert_eq!(first, self.told.len() as u64 + 1, "a gap in the events' sequence, or two in one place");
                self.told.extend(events);
                self.record = Some(*payment.clone());
                Progress::Knows(Some(*payment))
            }
        }
    }

    /// The provider does what it is asked; what is new to it, it tells, everything twice.
    fn reach_provider(&mut self, call: &Call) -> Reply {
        let before = self.books.clone();
        let (after, reply) = books::answer(before.as_ref(), &self.due, call);
        self.books = after.or(self.books.take());
        let state = |books: &Option<Books>| books.as_ref().map(|books| books.state);
        let moved = state(&before) != state(&self.books);
        let fact = match (call, &reply, state(&self.books)) {
            (Call::Refund { id, amount }, Reply::Says(Answer::Refunded), _) => {
                Some(Fact::Refunded { id: *id, amount: *amount })
            }
            (Call::Refund { id, .. }, Reply::Says(Answer::RefundRefused { reason }), _) => {
                self.check_refusal(reason);
                Some(Fact::RefundFailed { id: *id, reason: reason.clone() })
            }
            (_, _, Some(State::Authorized)) if moved => Some(Fact::Authorized),
            (_, _, Some(State::Captured)) if moved => Some(Fact::Captured),
            (_, _, Some(State::Voided)) if moved => Some(Fact::Canceled),
            (_, _, Some(State::Declined)) if moved => Some(Fact::Failed { reason: "declined".to_owned() }),
            _ => None,
        };
        if let Some(fact) = fact.filter(|_| before != self.books || matches!(call, Call::Refund { .. })) {
            let hearer = Actor { goal: Goal::Hear(fact), progress: Progress::Begins };
            self.actors.extend([hearer.clone(), hearer]);
        }
        reply
    }

    /// Of what was taken at the provider, and what went back there.
    fn at_provider(&self) -> (i64, i64) {
        let Some(books) = &self.books else { return (0, 0) };
        let taken = if books.state == State::Captured { books.amount.map_or(0, Money::minor) } else { 0 };
        (taken, books.refunds.values().map(|amount| amount.minor()).sum())
    }

    /// Of what our events say was taken, and went back.
    fn told(&self) -> (i64, i64) {
        self.told.iter().fold((0, 0), |(taken, back), event| match event {
            PaymentEvent::PaymentProcessed(payment) => (taken + payment.amount.minor(), back),
            PaymentEvent::PaymentRefunded(refund) => (taken, back + refund.amount.minor()),
            PaymentEvent::PaymentRequested(_) | PaymentEvent::PaymentFailed(_) => (taken, back),
        })
    }

    /// We never ask for more than there is; only what somebody gave back by hand can be in the way.
    fn check_refusal(&self, reason: &str) {
        assert!(
            self.refunded_by_hand || reason == "refund_refused",
            "the provider was asked for a refund that cannot be: {reason}"
        );
    }

    /// What holds at every moment.
    fn check(&self) {
        let processed = self.told.iter().filter(|event| matches!(event, PaymentEvent::PaymentProcessed(_))).count();
        assert!(processed <= 1, "the money was told to be taken {processed} times");
        let ((taken, back), (told_taken, told_back)) = (self.at_provider(), self.told());
        assert!(told_taken <= taken && told_back <= back, "told {told_taken} and {told_back}, of {taken} and {back}");
        assert!(back <= taken, "{back} of {taken} went back");
        if let Some(payment) = &self.record {
            assert_eq!(payment.sequence, self.told.len() as u64);
            let wanted = payment.refunds.iter().filter(|refund| refund.status != RefundStatus::Failed);
            let wanted: i64 = wanted.map(|refund| refund.amount.minor()).sum();
            assert!(wanted <= told_taken, "{wanted} is to go back of {told_taken}");
        }
        if self.undone {
            self.check_nothing_is_left();
        }
    }

    fn check_nothing_is_left(&self) {
        let is_aside = self.books.as_ref().is_some_and(|books| books.state == State::Authorized);
        let (taken, back) = self.at_provider();
        assert!(!is_aside && taken == back, "it is over, but set aside: {is_aside}, kept: {}", taken - back);
    }

    /// Everybody goes on until nobody has anything to do; calls of the dead arrive at last.
    fn finish(&mut self) {
        let mut rounds = 0;
        while !self.orphans.is_empty() || self.actors.iter().any(|actor| !matches!(actor.progress, Progress::Over(_))) {
            rounds += 1;
            assert!(rounds < MOST_ROUNDS, "somebody goes on for ever: {:?}", self.actors);
            (0..self.actors.len()).for_each(|index| self.go_on(index));
            self.happens(&Happening::Arrives(0));
        }
        self.check();
        let (taken, back) = self.at_provider();
        assert_eq!(self.told(), (taken, back), "what was told is not what was done: {:?}", self.record);
        if let Some(payment) = &self.record {
            assert_eq!(payment.status == Status::Refunded, taken > 0 && taken == back, "{payment:?}");
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

fn any_happening() -> impl Strategy<Value = Happening> {
    let who = 0..60_usize;
    prop_oneof![
        12 => (who.clone(), 1..8_u8).prop_map(|(who, steps)| Happening::Steps(who, steps)),
        4 => who.clone().prop_map(Happening::Crash),
        2 => who.prop_map(Happening::Arrives),
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
    fn nothing_is_lost_or_moved_twice(
        card in any_card(),
        goals in any_goals(),
        happenings in proptest::collection::vec(any_happening(), 0..60),
    ) {
        let mut world = World::new(card, 1_000, goals);
        happenings.iter().for_each(|happening| world.happens(happening));
        world.finish();
    }

    /// Somebody gives money back with the provider's own tools, while others do so with ours.
    #[test]
    fn what_goes_back_by_hand_is_heard(
        goals in any_goals(),
        happenings in proptest::collection::vec(
            prop_oneof![8 => any_happening(), 1 => (1_i64..1_200).prop_map(Happening::ByHand)],
            0..60,
        ),
    ) {
        let mut world = World::new("pm_card_visa", 1_000, goals);
        happenings.iter().for_each(|happening| world.happens(happening));
        world.finish();
    }
}
