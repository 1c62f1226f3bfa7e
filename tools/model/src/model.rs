//! What can happen at each moment: what has to, what may, and what goes wrong.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Mutex, PoisonError},
};

use contracts::OrderLine;
use inventory::domain::{Counter, Status as Reserved, Stock};
use kernel::{Currency, Money, OrderId, ProductId, Quantity, UserId};
use orders::domain::{Command, Order, Status};
use stateright::{Model, Property};

use crate::{
    kept::{Kept, fingerprint},
    money,
    mutation::Mutation,
    properties,
    state::{Job, Ledger, Letter, Post, Progress, Sale, State, Worker, now},
    work::{DIED, Rules, UNANSWERED},
    workflow::Workflow,
};

/// How the provider calls the card that is charged without ado.
pub const GOOD_CARD: &str = "pm_card_visa";
/// The one that is declined.
pub const DECLINED: &str = "pm_card_chargeDeclined";
/// The one whose money is set aside, and can then never be taken.
pub const CAPTURE_FAILS: &str = "pm_card_captureFail";

/// After so many steps in which nothing goes wrong everything has come to its end.
const LONGEST_END: usize = 400;

/// How much is looked at.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// The cards of the orders: in each case, one of each.
    pub cards: Vec<Vec<&'static str>>,
    /// How many pieces there are; an order takes one.
    pub pieces: i64,
    /// How much may go wrong: functions that die, answers that do not come, executions that are cut off.
    pub faults: u8,
    /// How many messages may come again, or checkouts be started over while they run.
    pub repeats: u8,
    /// Whether customers may cancel.
    pub cancels: bool,
    /// Whether others may come between a function's reading, asking and writing.
    pub small_steps: bool,
    /// Whether the schedules that end orders come by while a checkout runs, which takes longer than a checkout may.
    pub impatient: bool,
}

/// The shop, as it is looked at.
#[derive(Debug)]
pub struct Shop {
    /// How much of it.
    pub bounds: Bounds,
    /// By what rules.
    pub rules: Rules,
    /// Where it begins: in each case, the orders as they were placed.
    cases: Vec<Vec<Sale>>,
    /// Moments from which everything is known to come to an end.
    finish: Mutex<HashSet<u64>>,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// To the order of this number.
    To(usize, Event),
}

/// What happens to an order. Workers are numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Who is at work takes the next step.
    Step(usize),
    /// A message arrives.
    Arrives(Letter),
    /// A call whose sender gave up waiting reaches the provider.
    CallArrives(usize),
    /// resume-checkouts comes by.
    Resume,
    /// An operator has a parked order started over.
    Retry,
    /// sweep-reservations comes by.
    Sweep,
    /// end-unpaid comes by.
    EndUnpaid,
    /// The customer cancels.
    Regret,
    /// A message arrives once more.
    ArrivesAgain(Letter),
    /// resume-checkouts comes by while the checkout runs.
    ResumeAgain,
    /// The function dies.
    Dies {
        /// Whose.
        worker: usize,
        /// Having done what it had to, but before it could say so.
        is_after: bool,
        /// The workflow has tried often enough.
        is_last: bool,
    },
    /// The provider does not answer.
    NoAnswer {
        /// To whom.
        worker: usize,
        /// It is asked nevertheless, some time.
        arrives: bool,
        /// The workflow has tried often enough.
        is_last: bool,
    },
    /// The execution is cut off.
    CutOff(usize),
}

impl Shop {
    /// A shop to look at.
    ///
    /// # Errors
    /// When the workflow cannot be read.
    pub fn new(bounds: Bounds, mutation: Option<Mutation>) -> Result<Self, String> {
        let workflow = Workflow::read()?;
        let workflow = mutation.map_or(workflow.clone(), |mutation| mutation.reroute(workflow));
        let rules = Rules { workflow, mutation, small_steps: bounds.small_steps };
        let case = |cards: &Vec<&'static str>| cards.iter().enumerate().map(|(at, card)| placed(at, card)).collect();
        let cases = bounds.cards.iter().map(case).collect::<Result<_, String>>()?;
        Ok(Self { bounds, rules, cases, finish: Mutex::default() })
    }

    /// Whether everything comes to an end if nothing more goes wrong: everybody goes on, every message arrives, the schedules come by.
    pub fn comes_to_an_end(&self, state: &State) -> bool {
        let known = |seen: u64| self.finish.lock().unwrap_or_else(PoisonError::into_inner).contains(&seen);
        let (mut state, mut passed) = (state.clone(), Vec::new());
        loop {
            let seen = fingerprint(&state);
            if known(seen) {
                break;
            }
            passed.push(seen);
            if properties::is_over(&state) {
                break;
            }
            let next = self.necessary(&state).into_iter().find_map(|action| self.next_state(&state, action));
            match next {
                Some(next) if passed.len() < LONGEST_END => state = next,
                _ => return false,
            }
        }
        self.finish.lock().unwrap_or_else(PoisonError::into_inner).extend(passed);
        true
    }

    fn happens(&self, state: &mut State, sale: usize, event: Event) {
        let State { stock, sales, faults, repeats } = state;
        let sale = &mut sales[sale];
        let rules = &self.rules;
        match event {
            Event::Step(worker) => rules.step(stock, sale, worker),
            Event::Arrives(letter) => self.arrives(stock, sale, letter),
            Event::CallArrives(call) => {
                let call = sale.calls.remove(call);
                money::arrive(sale, &call);
            }
            Event::Resume | Event::ResumeAgain if sale.order.status != Status::Pending => sale.deferred = false,
            Event::Resume | Event::ResumeAgain => sale.workers.push(rules.execution()),
            Event::Retry => {
                sale.parked = false;
                sale.workers.push(rules.execution());
            }
            Event::Sweep | Event::EndUnpaid if rules.mutation == Some(Mutation::NobodyEnds) => {}
            Event::Sweep => sale.send(Letter::Expired),
            Event::EndUnpaid => self.begins(stock, sale, Job::EndUnpaid),
            Event::Regret => {
                sale.regretted = true;
                self.begins(stock, sale, Job::Regret);
            }
            Event::ArrivesAgain(letter) => self.arrives(stock, sale, letter),
            Event::Dies { worker, is_after, is_last } => rules.dies(stock, sale, worker, is_after, is_last),
            Event::NoAnswer { worker, arrives, is_last } => {
                rules.is_not_answered(stock, sale, worker, arrives, is_last);
            }
            Event::CutOff(worker) => drop(sale.workers.remove(worker)),
        }
        *faults -= u8::from(matches!(event, Event::Dies { .. } | Event::NoAnswer { .. } | Event::CutOff(_)));
        *repeats -= u8::from(matches!(event, Event::ArrivesAgain(_) | Event::ResumeAgain));
        sale.sort_workers();
    }

    /// A message arrives, and its function takes the first step.
    fn arrives(&self, stock: &mut Stock, sale: &mut Sale, letter: Letter) {
        self.begins(stock, sale, Job::Letter(letter));
    }

    fn begins(&self, stock: &mut Stock, sale: &mut Sale, job: Job) {
        sale.workers.push(Worker { job, progress: Progress::Begins });
        self.rules.step(stock, sale, sale.workers.len() - 1);
    }

    /// What happens sooner or later, if nothing goes wrong; what has to be waited for longest comes last.
    fn necessary(&self, state: &State) -> Vec<Action> {
        let mut actions = Vec::new();
        let all = || state.sales.iter().enumerate();
        for (index, sale) in all() {
            actions.extend((0..sale.workers.len()).map(|worker| Action::To(index, Event::Step(worker))));
            let waiting = sale.letters.iter().filter(|(letter, post)| {
                let job = if **letter == Letter::CaptureConfirmed && sale.is_worked_at(&Job::GiveUp) {
                    Job::GiveUp
                } else {
                    Job::Letter(**letter)
                };
                **post == Post::Waiting && !sale.is_worked_at(&job)
            });
            actions.extend(waiting.map(|(letter, _)| Action::To(index, Event::Arrives(*letter))));
            actions.extend((0..sale.calls.len()).map(|call| Action::To(index, Event::CallArrives(call))));
        }
        for (index, sale) in all().filter(|(_, sale)| sale.executions() == 0) {
            actions.extend(sale.deferred.then_some(Action::To(index, Event::Resume)));
            actions.extend(sale.parked.then_some(Action::To(index, Event::Retry)));
        }
        for (index, sale) in all().filter(|(_, sale)| self.bounds.impatient || sale.executions() == 0) {
            let is_reserved = sale.reservation.as_ref().is_some_and(|part| part.status == Reserved::Reserved);
            if is_reserved && !sale.letters.contains_key(&Letter::Expired) {
                actions.push(Action::To(index, Event::Sweep));
            }
            if sale.order.unpaid(now(), 0).is_some() && !sale.deferred && !sale.is_worked_at(&Job::EndUnpaid) {
                actions.push(Action::To(index, Event::EndUnpaid));
            }
        }
        actions
    }

    /// What may go wrong, or come again.
    fn mishaps(&self, state: &State, index: usize, actions: &mut Vec<Action>) {
        let sale = &state.sales[index];
        let to = |event| Action::To(index, event);
        if self.bounds.cancels && !sale.regretted {
            actions.push(to(Event::Regret));
        }
        if state.repeats > 0 {
            let told = sale
                .letters
                .iter()
                .filter(|(letter, post)| **post == Post::Heard || sale.is_worked_at(&Job::Letter(**letter)));
            actions.extend(told.map(|(letter, _)| to(Event::ArrivesAgain(*letter))));
            if sale.deferred && sale.executions() > 0 {
                actions.push(to(Event::ResumeAgain));
            }
        }
        if state.faults == 0 {
            return;
        }
        for (worker, at_work) in sale.workers.iter().enumerate() {
            let is_execution = matches!(at_work.job, Job::Execution { .. });
            if is_execution {
                actions.push(to(Event::CutOff(worker)));
            }
            for &is_last in self.rules.tries(&at_work.job, DIED) {
                actions.push(to(Event::Dies { worker, is_after: true, is_last }));
                // Who has done nothing yet has nothing to lose.
                if is_last || at_work.progress != Progress::Begins {
                    actions.push(to(Event::Dies { worker, is_after: false, is_last }));
                }
            }
            if self.rules.is_about_to_ask(sale, at_work) {
                for &is_last in self.rules.tries(&at_work.job, UNANSWERED) {
                    let event = |arrives| to(Event::NoAnswer { worker, arrives, is_last });
                    actions.extend([false, true].map(event));
                }
            }
        }
    }
}

/// An order of one piece, just placed by `POST /checkout`.
fn placed(index: usize, card: &'static str) -> Result<Sale, String> {
    let (order_id, user_id) = (OrderId::derived("order", &index.to_string()), UserId::derived("user", "customer"));
    let price = Money::from_minor(1_000, Currency::Usd);
    let quantity = Quantity::try_from(1).map_err(|error| error.to_string())?;
    let line = OrderLine { product_id: product(), name: "Lamp".to_owned(), quantity, unit_price: price };
    let placed = Order::place(order_id, user_id, vec![line], price);
    let mut order = Order::replay([(&placed, now())]).ok_or("no order was placed")?;
    let started = order.decide(Command::StartCheckout { payment_method: card.to_owned() });
    started.map_err(|refusal| refusal.to_string())?.iter().for_each(|event| order.apply(event, now()));
    Ok(Sale {
        order: Kept::new(order),
        copy: None,
        deferred: false,
        parked: false,
        reservation: None,
        payment: None,
        card,
        books: None,
        calls: Vec::new(),
        letters: BTreeMap::from([(Letter::StartCheckout, Post::Waiting)]),
        workers: Vec::new(),
        regretted: false,
        ledger: Ledger::default(),
    })
}

fn product() -> ProductId {
    ProductId::derived("product", "lamp")
}

impl Model for Shop {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let Bounds { pieces, faults, repeats, .. } = &self.bounds;
        let counter = Counter { split: 0, available: *pieces, on_hand: *pieces, version: 0, changes: 0 };
        let stock = Stock { product_id: product(), counters: vec![counter] };
        let state = |sales: &Vec<Sale>| State {
            stock: stock.clone(),
            sales: sales.clone(),
            faults: *faults,
            repeats: *repeats,
        };
        self.cases.iter().map(state).collect()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        actions.extend(self.necessary(state));
        (0..state.sales.len()).for_each(|index| self.mishaps(state, index, actions));
    }

    fn next_state(&self, state: &State, Action::To(sale, event): Action) -> Option<State> {
        let mut after = state.clone();
        self.happens(&mut after, sale, event);
        // A mishap by which nothing changes is none.
        (after.stock != state.stock || after.sales != state.sales).then_some(after)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }
}
