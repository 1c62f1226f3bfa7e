//! The state machine: its initial states, its properties, and the actions that must happen, may happen, or are faults.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Mutex, PoisonError},
};

use contracts::OrderLine;
use inventory::domain::{Counter, Status as ReservationStatus, Stock};
use kernel::{Currency, Money, OrderId, ProductId, Quantity, UserId};
use orders::domain::{Command, Order, Status};
use stateright::{Model, Property};

use crate::{
    hashed::{Hashed, fingerprint},
    money,
    mutation::Mutation,
    properties::{
        are_pieces_accounted_for, are_refunds_covered, at_provider, is_capture_allowed, is_consistent,
        is_log_consistent, is_over, is_stock_consistent, reservation_status,
    },
    state::{Checkout, Delivery, History, Job, Message, Progress, State, Worker, now},
    work::{FUNCTION_DIED, PROVIDER_UNAVAILABLE, Rules},
    workflow::Workflow,
};

/// The token of a card that is charged without problems.
pub const GOOD_CARD: &str = "pm_card_visa";
/// The token of a card that is declined.
pub const DECLINED: &str = "pm_card_chargeDeclined";
/// The token of a card whose payment is authorized, but can never be captured.
pub const CAPTURE_FAILS: &str = "pm_card_captureFail";

/// The largest number of actions without faults until nothing is left to do.
const MAX_STEPS_TO_END: usize = 400;

/// The bounds of an exploration.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// The initial states: for each, the cards of its orders.
    pub cards: Vec<Vec<&'static str>>,
    /// The number of pieces in stock. Each order takes one.
    pub pieces: i64,
    /// The number of faults: functions that die, calls that time out, executions that are aborted.
    pub faults: u8,
    /// The number of messages that are delivered again, or checkouts that are resumed while they run.
    pub repeats: u8,
    /// Whether customers may cancel.
    pub cancels: bool,
    /// Whether other functions may run between the reads, calls and writes of a function.
    pub small_steps: bool,
    /// Whether the schedules may end orders while a checkout runs, which takes longer than a checkout may.
    pub early_schedules: bool,
}

/// The model of the checkout.
#[derive(Debug)]
pub struct CheckoutModel {
    /// The bounds.
    pub bounds: Bounds,
    /// The rules.
    pub rules: Rules,
    /// The checkouts of each initial state, with their orders just placed.
    cases: Vec<Vec<Checkout>>,
    /// The fingerprints of states from which everything is known to end.
    terminating: Mutex<HashSet<u64>>,
}

/// An action of the state machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// An event of the checkout with this index.
    OnCheckout(usize, Event),
}

/// An event of a checkout. Workers and delayed calls are given by index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The worker takes its next step.
    Step(usize),
    /// A message is delivered.
    MessageArrives(Message),
    /// A call that timed out reaches the provider.
    CallArrives(usize),
    /// `ResumeCheckouts` runs.
    ResumeCheckouts,
    /// An operator retries a parked order.
    RetryOrder,
    /// `SweepReservations` runs.
    SweepReservations,
    /// `EndUnpaid` runs.
    EndUnpaid,
    /// The customer cancels.
    CustomerCancels,
    /// A message is delivered again.
    MessageRepeats(Message),
    /// `ResumeCheckouts` runs during the checkout.
    ResumeWhileRunning,
    /// The function dies.
    FunctionDies {
        /// The worker.
        worker: usize,
        /// Whether the function dies after its step, but before it responds.
        is_after: bool,
        /// Whether this was the last attempt of the workflow.
        is_last: bool,
    },
    /// The provider does not respond in time.
    ProviderTimesOut {
        /// The worker that calls the provider.
        worker: usize,
        /// Whether the call reaches the provider later.
        arrives_later: bool,
        /// Whether this was the last attempt of the workflow.
        is_last: bool,
    },
    /// The execution is aborted.
    ExecutionAborts(usize),
}

impl CheckoutModel {
    /// Creates the model within `bounds`, with a rule broken by `mutation`.
    ///
    /// # Errors
    /// If the workflow cannot be read.
    pub fn new(bounds: Bounds, mutation: Option<Mutation>) -> Result<Self, String> {
        let workflow = Workflow::read()?;
        let workflow = mutation.map_or(workflow.clone(), |mutation| mutation.reroute(workflow));
        let rules = Rules { workflow, mutation, small_steps: bounds.small_steps };
        let case =
            |cards: &Vec<&'static str>| cards.iter().enumerate().map(|(index, card)| placed(index, card)).collect();
        let cases = bounds.cards.iter().map(case).collect::<Result<_, String>>()?;
        Ok(Self { bounds, rules, cases, terminating: Mutex::default() })
    }

    /// Returns whether everything ends if no more faults happen: all workers continue, every message is delivered, and
    /// the schedules run.
    pub fn terminates(&self, state: &State) -> bool {
        let is_known = |state: u64| self.terminating.lock().unwrap_or_else(PoisonError::into_inner).contains(&state);
        let (mut state, mut visited) = (state.clone(), Vec::new());
        loop {
            let current = fingerprint(&state);
            if is_known(current) {
                break;
            }
            visited.push(current);
            if is_over(&state) {
                break;
            }
            let next = self.required_actions(&state).into_iter().find_map(|action| self.next_state(&state, action));
            match next {
                Some(next) if visited.len() < MAX_STEPS_TO_END => state = next,
                _ => return false,
            }
        }
        self.terminating.lock().unwrap_or_else(PoisonError::into_inner).extend(visited);
        true
    }

    fn apply(&self, state: &mut State, checkout: usize, event: Event) {
        let State { stock, checkouts, faults, repeats } = state;
        let checkout = &mut checkouts[checkout];
        let rules = &self.rules;
        match event {
            Event::Step(worker) => rules.step(stock, checkout, worker),
            Event::MessageArrives(message) => self.deliver(stock, checkout, message),
            Event::CallArrives(call) => {
                let call = checkout.delayed_calls.remove(call);
                money::arrive(checkout, &call);
            }
            Event::ResumeCheckouts | Event::ResumeWhileRunning if checkout.order.status != Status::Pending => {
                checkout.deferred = false;
            }
            Event::ResumeCheckouts | Event::ResumeWhileRunning => checkout.workers.push(rules.execution()),
            Event::RetryOrder => {
                checkout.parked = false;
                checkout.workers.push(rules.execution());
            }
            Event::SweepReservations | Event::EndUnpaid if rules.mutation == Some(Mutation::NoExpiry) => {}
            Event::SweepReservations => checkout.send(Message::EndExpired),
            Event::EndUnpaid => self.start(stock, checkout, Job::EndUnpaid),
            Event::CustomerCancels => {
                checkout.cancel_requested = true;
                self.start(stock, checkout, Job::CustomerCancel);
            }
            Event::MessageRepeats(message) => self.deliver(stock, checkout, message),
            Event::FunctionDies { worker, is_after, is_last } => rules.die(stock, checkout, worker, is_after, is_last),
            Event::ProviderTimesOut { worker, arrives_later, is_last } => {
                rules.time_out(stock, checkout, worker, arrives_later, is_last);
            }
            Event::ExecutionAborts(worker) => drop(checkout.workers.remove(worker)),
        }
        *faults -= u8::from(matches!(
            event,
            Event::FunctionDies { .. } | Event::ProviderTimesOut { .. } | Event::ExecutionAborts(_)
        ));
        *repeats -= u8::from(matches!(event, Event::MessageRepeats(_) | Event::ResumeWhileRunning));
        checkout.sort_workers();
    }

    /// Delivers a message to its consumer, which takes its first step.
    fn deliver(&self, stock: &mut Stock, checkout: &mut Checkout, message: Message) {
        self.start(stock, checkout, Job::Message(message));
    }

    fn start(&self, stock: &mut Stock, checkout: &mut Checkout, job: Job) {
        checkout.workers.push(Worker { job, progress: Progress::Started });
        self.rules.step(stock, checkout, checkout.workers.len() - 1);
    }

    /// Returns the actions that happen sooner or later without faults. Those that take longest to happen come last.
    fn required_actions(&self, state: &State) -> Vec<Action> {
        let mut actions = Vec::new();
        let all = || state.checkouts.iter().enumerate();
        for (index, checkout) in all() {
            actions.extend((0..checkout.workers.len()).map(|worker| Action::OnCheckout(index, Event::Step(worker))));
            let pending = checkout.messages.iter().filter(|(message, delivery)| {
                let job = if **message == Message::CaptureConfirmed && checkout.has_worker(&Job::GiveUp) {
                    Job::GiveUp
                } else {
                    Job::Message(**message)
                };
                **delivery == Delivery::Pending && !checkout.has_worker(&job)
            });
            actions.extend(pending.map(|(message, _)| Action::OnCheckout(index, Event::MessageArrives(*message))));
            actions.extend(
                (0..checkout.delayed_calls.len()).map(|call| Action::OnCheckout(index, Event::CallArrives(call))),
            );
        }
        for (index, checkout) in all().filter(|(_, checkout)| checkout.executions() == 0) {
            actions.extend(checkout.deferred.then_some(Action::OnCheckout(index, Event::ResumeCheckouts)));
            actions.extend(checkout.parked.then_some(Action::OnCheckout(index, Event::RetryOrder)));
        }
        for (index, checkout) in all().filter(|(_, checkout)| self.bounds.early_schedules || checkout.executions() == 0)
        {
            let is_reserved = checkout
                .reservation
                .as_ref()
                .is_some_and(|reservation| reservation.status == ReservationStatus::Reserved);
            if is_reserved && !checkout.messages.contains_key(&Message::EndExpired) {
                actions.push(Action::OnCheckout(index, Event::SweepReservations));
            }
            if checkout.order.unpaid(now(), 0).is_some() && !checkout.deferred && !checkout.has_worker(&Job::EndUnpaid)
            {
                actions.push(Action::OnCheckout(index, Event::EndUnpaid));
            }
        }
        actions
    }

    /// Adds the actions that need not happen: cancellations, repeats and faults.
    fn optional_actions(&self, state: &State, index: usize, actions: &mut Vec<Action>) {
        let checkout = &state.checkouts[index];
        let action = |event| Action::OnCheckout(index, event);
        if self.bounds.cancels && !checkout.cancel_requested {
            actions.push(action(Event::CustomerCancels));
        }
        if state.repeats > 0 {
            let repeatable = checkout.messages.iter().filter(|(message, delivery)| {
                **delivery == Delivery::Processed || checkout.has_worker(&Job::Message(**message))
            });
            actions.extend(repeatable.map(|(message, _)| action(Event::MessageRepeats(*message))));
            if checkout.deferred && checkout.executions() > 0 {
                actions.push(action(Event::ResumeWhileRunning));
            }
        }
        if state.faults == 0 {
            return;
        }
        for (position, worker) in checkout.workers.iter().enumerate() {
            if matches!(worker.job, Job::Execution { .. }) {
                actions.push(action(Event::ExecutionAborts(position)));
            }
            for &is_last in self.rules.attempts(&worker.job, FUNCTION_DIED) {
                actions.push(action(Event::FunctionDies { worker: position, is_after: true, is_last }));
                // A worker that has done nothing yet loses nothing.
                if is_last || worker.progress != Progress::Started {
                    actions.push(action(Event::FunctionDies { worker: position, is_after: false, is_last }));
                }
            }
            if self.rules.is_about_to_ask(checkout, worker) {
                for &is_last in self.rules.attempts(&worker.job, PROVIDER_UNAVAILABLE) {
                    let event =
                        |arrives_later| action(Event::ProviderTimesOut { worker: position, arrives_later, is_last });
                    actions.extend([false, true].map(event));
                }
            }
        }
    }
}

/// Returns the checkout of one piece, just placed by `POST /checkout`.
fn placed(index: usize, card: &'static str) -> Result<Checkout, String> {
    let (order_id, user_id) = (OrderId::derived("order", &index.to_string()), UserId::derived("user", "customer"));
    let price = Money::from_minor(1_000, Currency::Usd);
    let quantity = Quantity::try_from(1).map_err(|error| error.to_string())?;
    let line = OrderLine { product_id: product(), name: "Lamp".to_owned(), quantity, unit_price: price };
    let placed = Order::place(order_id, user_id, vec![line], price);
    let mut order = Order::replay([(&placed, now())]).ok_or("no order was placed")?;
    let started = order.decide(Command::StartCheckout { payment_method: card.to_owned() });
    started.map_err(|refusal| refusal.to_string())?.iter().for_each(|event| order.apply(event, now()));
    Ok(Checkout {
        order: Hashed::new(order),
        payment_replica: None,
        deferred: false,
        parked: false,
        reservation: None,
        payment: None,
        card,
        provider_ledger: None,
        delayed_calls: Vec::new(),
        messages: BTreeMap::from([(Message::StartCheckout, Delivery::Pending)]),
        workers: Vec::new(),
        cancel_requested: false,
        history: History::default(),
    })
}

fn product() -> ProductId {
    ProductId::derived("product", "lamp")
}

impl Model for CheckoutModel {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let Bounds { pieces, faults, repeats, .. } = &self.bounds;
        let counter = Counter { split: 0, available: *pieces, on_hand: *pieces, version: 0, changes: 0 };
        let stock = Stock { product_id: product(), counters: vec![counter] };
        let state = |checkouts: &Vec<Checkout>| State {
            stock: stock.clone(),
            checkouts: checkouts.clone(),
            faults: *faults,
            repeats: *repeats,
        };
        self.cases.iter().map(state).collect()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        actions.extend(self.required_actions(state));
        (0..state.checkouts.len()).for_each(|index| self.optional_actions(state, index, actions));
    }

    fn next_state(&self, state: &State, Action::OnCheckout(checkout, event): Action) -> Option<State> {
        let mut after = state.clone();
        self.apply(&mut after, checkout, event);
        // A fault that changes nothing is not counted.
        (after.stock != state.stock || after.checkouts != state.checkouts).then_some(after)
    }

    /// The names of the properties say what they require.
    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("stock is never below zero", |_, state| is_stock_consistent(state)),
            Property::always("every piece is available, reserved, or sold once", |model: &Self, state| {
                are_pieces_accounted_for(state, model.bounds.pieces)
            }),
            Property::always("a payment is captured once, and only of a confirmed order", |_, state| {
                of_each(state, is_capture_allowed)
            }),
            Property::always("no more is refunded than was captured", |_, state| of_each(state, are_refunds_covered)),
            Property::always("an order that was cancelled is not sold", |_, state| of_each(state, is_log_consistent)),
            Property::always("in the end, every checkout is consistent", |_, state| {
                !is_over(state) || of_each(state, is_consistent)
            }),
            Property::always("everything ends", Self::terminates),
            // If a situation is never reached, the properties above say nothing about it.
            Property::sometimes("an order is paid in the end", |_, state| {
                is_over(state) && any(state, |checkout| checkout.order.status == Status::Paid)
            }),
            Property::sometimes("a payment is refunded", |_, state| any(state, |checkout| at_provider(checkout).1 > 0)),
            Property::sometimes("sold stock is released", |_, state| {
                any(state, |checkout| {
                    checkout.order.payment_id.is_some()
                        && reservation_status(checkout) == Some(ReservationStatus::Released)
                })
            }),
            Property::sometimes("a checkout is deferred", |_, state| any(state, |checkout| checkout.deferred)),
            Property::sometimes("an order is parked", |_, state| any(state, |checkout| checkout.parked)),
            Property::sometimes("two executions run at once", |_, state| {
                any(state, |checkout| checkout.executions() > 1)
            }),
        ]
    }
}

fn any(state: &State, is: fn(&Checkout) -> bool) -> bool {
    state.checkouts.iter().any(is)
}

fn of_each(state: &State, holds: fn(&Checkout) -> bool) -> bool {
    state.checkouts.iter().all(holds)
}
