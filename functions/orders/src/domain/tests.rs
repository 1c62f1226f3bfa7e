//! Tests of the order: given its events, when a command is executed.

use contracts::{CancelReason, Event, OrderEvent, OrderLine};
use kernel::{Currency, Money, OrderId, PaymentId, ProductId, Quantity, Timestamp, UserId};
use proptest::prelude::*;
use strum::VariantArray;

use super::*;

fn order_id() -> OrderId {
    "01890000-0000-7000-8000-00000000000a".parse().expect("an id")
}

fn payment_id() -> PaymentId {
    PaymentId::derived(order_id(), "payment")
}

fn placed() -> OrderEvent {
    let product_id = ProductId::derived("test", "mug");
    let quantity = Quantity::try_from(2).expect("a quantity");
    let unit_price = Money::from_minor(1_250, Currency::Usd);
    let lines = vec![OrderLine { product_id, name: "Mug".to_owned(), quantity, unit_price }];
    Order::place(order_id(), UserId::derived("test", "user"), lines, Money::from_minor(2_500, Currency::Usd))
}

fn start_checkout() -> Command {
    Command::StartCheckout { payment_method: "pm_card_visa".to_owned() }
}

fn confirm() -> Command {
    Command::Confirm { payment_id: payment_id() }
}

fn cancel() -> Command {
    Command::Cancel { reason: CancelReason::Requested }
}

fn fail() -> Command {
    Command::Fail { reason: CancelReason::CheckoutFailed }
}

fn now() -> Timestamp {
    Timestamp::from_millis(1_767_323_045_600)
}

struct Given(Order);

/// An order on which `commands` were executed.
fn given(commands: impl IntoIterator<Item = Command>) -> Given {
    let mut order = Order::replay([(&placed(), now())]).expect("an order");
    for command in commands {
        for event in order.decide(command).expect("an allowed step") {
            order.apply(&event, now());
        }
    }
    Given(order)
}

impl Given {
    fn when(self, command: Command) -> Result<Vec<OrderEvent>, Refusal> {
        self.0.decide(command)
    }

    fn becomes(mut self, command: Command) -> Status {
        for event in self.0.decide(command).expect("an allowed step") {
            self.0.apply(&event, now());
        }
        self.0.status
    }
}

#[test]
fn a_paid_order_is_delivered_step_by_step() {
    assert_eq!(given([start_checkout()]).becomes(confirm()), Status::Paid);
    assert_eq!(given([start_checkout(), confirm()]).becomes(Command::Process), Status::Processing);
    assert_eq!(given([start_checkout(), confirm(), Command::Process]).becomes(Command::Ship), Status::Shipped);
    let shipped = [start_checkout(), confirm(), Command::Process, Command::Ship];
    assert_eq!(given(shipped).becomes(Command::Deliver), Status::Delivered);
}

#[test]
fn checkout_started_has_the_lines_and_the_total() {
    let events = given([]).when(start_checkout()).expect("a checkout");
    let [OrderEvent::CheckoutStarted(started)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(started.lines.len(), 1);
    assert_eq!(started.total, Money::from_minor(2_500, Currency::Usd));
}

#[test]
fn a_repeated_command_has_no_events() {
    assert_eq!(given([start_checkout(), confirm()]).when(confirm()), Ok(vec![]));
    assert_eq!(given([start_checkout(), confirm(), Command::Process]).when(confirm()), Ok(vec![]));
    assert_eq!(given([cancel()]).when(cancel()), Ok(vec![]));
}

/// Returns an order in the state of that name.
fn in_state(name: &str) -> Order {
    let steps = match name {
        "pending" => vec![],
        "in checkout" => vec![start_checkout()],
        "paid" => vec![start_checkout(), confirm()],
        "processing" => vec![start_checkout(), confirm(), Command::Process],
        "shipped" => vec![start_checkout(), confirm(), Command::Process, Command::Ship],
        "delivered" => vec![start_checkout(), confirm(), Command::Process, Command::Ship, Command::Deliver],
        "cancelled" => vec![start_checkout(), cancel()],
        "cancelled, paid" => vec![start_checkout(), confirm(), cancel()],
        "refunded" => vec![start_checkout(), confirm(), cancel(), Command::Refund],
        "returned" => {
            vec![start_checkout(), confirm(), Command::Process, Command::Ship, Command::Deliver, Command::Refund]
        }
        other => panic!("there is no state {other:?}"),
    };
    given(steps).0
}

/// The outcome of every command in every state: its event, `done` if it was executed before, or `no` if it is refused.
const OUTCOMES: &str = "
    state            | start           | confirm        | fail           | process         | ship         | deliver        | cancel         | refund
    pending          | CheckoutStarted | OrderConfirmed | OrderCancelled | no              | no           | no             | OrderCancelled | no
    in checkout      | no              | OrderConfirmed | OrderCancelled | no              | no           | no             | OrderCancelled | no
    paid             | no              | done           | done           | OrderProcessing | no           | no             | OrderCancelled | no
    processing       | no              | done           | done           | done            | OrderShipped | no             | OrderCancelled | no
    shipped          | no              | done           | done           | no              | done         | OrderDelivered | no             | no
    delivered        | no              | done           | done           | no              | no           | done           | no             | OrderRefunded
    cancelled        | no              | no             | done           | no              | no           | no             | done           | no
    cancelled, paid  | no              | no             | done           | no              | no           | no             | done           | OrderRefunded
    refunded         | no              | no             | done           | no              | no           | no             | done           | done
    returned         | no              | done           | done           | no              | no           | no             | no             | done";

#[test]
fn every_command_in_every_state() {
    let commands = [
        start_checkout(),
        confirm(),
        fail(),
        Command::Process,
        Command::Ship,
        Command::Deliver,
        cancel(),
        Command::Refund,
    ];
    let rows = OUTCOMES.trim().lines().skip(1).map(|row| row.split('|').map(str::trim).collect::<Vec<_>>());
    for row in rows {
        let [state, outcomes @ ..] = row.as_slice() else { panic!("{row:?}") };
        assert_eq!(outcomes.len(), commands.len(), "{state}");
        for (command, expected) in commands.iter().zip(outcomes) {
            let mut order = in_state(state);
            let (before, allowed) = (order.status, order.next());
            let outcome = order.decide(command.clone());
            let name = match outcome.as_deref() {
                Ok([]) => "done",
                Ok([event]) => event.event_type(),
                Ok(several) => panic!("{several:?}"),
                Err(_) => "no",
            };
            assert_eq!(name, *expected, "{command:?} of an order that is {state}");
            for event in outcome.unwrap_or_default() {
                order.apply(&event, now());
            }
            assert!(order.status == before || allowed.contains(&order.status), "{command:?}, {state}");
        }
    }
    let states: Vec<Status> = Status::VARIANTS.to_vec();
    for status in states {
        assert!(OUTCOMES.contains(&format!("\n    {status} ")), "{status} is not in the table");
    }
}

#[test]
fn a_failed_checkout_does_not_cancel_a_sold_order() {
    let sold = ["paid", "processing", "shipped", "delivered", "returned"];
    for state in ["pending", "in checkout", "cancelled", "cancelled, paid", "refunded"].into_iter().chain(sold) {
        let mut order = in_state(state);
        let events = order.decide(fail()).expect("it is never refused");
        events.iter().for_each(|event| order.apply(event, now()));
        assert_eq!(order.is_sold(), sold.contains(&state), "{state}");
    }
}

#[test]
fn unpaid_orders_are_cancelled_and_a_checkout_gets_twice_the_time() {
    let after = |state, seconds| in_state(state).unpaid(now().plus_seconds(seconds), 900);
    assert_eq!([899, 900].map(|seconds| after("pending", seconds)), [None, Some(CancelReason::Unpaid)]);
    assert_eq!([1_799, 1_800].map(|seconds| after("in checkout", seconds)), [None, Some(CancelReason::CheckoutFailed)]);
    for state in ["paid", "delivered", "cancelled", "refunded"] {
        assert_eq!(after(state, 1_000_000), None, "{state}");
    }
}

#[test]
fn refusals_have_a_reason() {
    let start = |state| in_state(state).decide(start_checkout());
    for state in ["in checkout", "paid", "delivered"] {
        assert_eq!(start(state), Err(Refusal::InCheckout { payment_id: payment_id() }));
    }
    let step_not_allowed = |from, to| Err(Refusal::Step { from, to });
    assert_eq!(start("cancelled"), step_not_allowed(Status::Cancelled, Status::Paid));
    assert_eq!(in_state("shipped").decide(cancel()), step_not_allowed(Status::Shipped, Status::Cancelled));
    assert_eq!(in_state("pending").decide(Command::Ship), step_not_allowed(Status::Pending, Status::Shipped));
}

#[test]
fn statuses_that_follow_from_the_payment_cannot_be_set_by_hand() {
    let by_hand = |status: Status| status.next_by_hand().collect::<Vec<_>>();
    assert_eq!(by_hand(Status::Pending), [Status::Cancelled]);
    assert_eq!(by_hand(Status::Paid), [Status::Processing, Status::Cancelled]);
    assert_eq!(by_hand(Status::Shipped), [Status::Delivered]);
    for ended in [Status::Delivered, Status::Cancelled, Status::Refunded] {
        assert_eq!(by_hand(ended), []);
    }
}

fn any_command() -> impl Strategy<Value = Command> {
    prop_oneof![
        Just(start_checkout()),
        Just(confirm()),
        Just(Command::Process),
        Just(Command::Ship),
        Just(Command::Deliver),
        Just(cancel()),
        Just(fail()),
        Just(Command::Refund),
    ]
}

proptest! {
    /// Whatever the commands are: each step is allowed, and the replayed log is the same order.
    #[test]
    fn replay_of_the_log_is_the_order(commands in proptest::collection::vec(any_command(), 0..12)) {
        let mut log = vec![placed()];
        let mut order = Order::replay([(&log[0], now())]).expect("an order");
        for command in commands {
            let (before, allowed) = (order.status, order.next());
            for event in order.decide(command).unwrap_or_default() {
                order.apply(&event, now());
                log.push(event);
            }
            prop_assert!(order.status == before || allowed.contains(&order.status));
        }
        prop_assert_eq!(Order::replay(log.iter().map(|event| (event, now()))), Some(order));
    }
}
