//! The steps of orders. A function reads the log, decides, and writes an event if its place in the log is still free.
//! Other functions may run in between.

use contracts::{CancelReason, OrderEvent, PaymentEvent, PaymentFailed, PaymentProcessed};
use kernel::EventId;
use orders::domain::{Command, Order, Payment, Refusal};

use crate::{
    hashed::Hashed,
    mutation::Mutation,
    state::{Checkout, Message, now},
};

/// The outcome of an append.
pub enum Appended {
    /// The order after the events, which may have been appended before.
    Done(Hashed<Order>),
    /// Another function appended an event first.
    Conflict,
}

/// Carries out `command` on the order as it was `read`.
///
/// # Errors
/// If the state of the order does not allow the command.
pub fn append(
    checkout: &mut Checkout,
    read: &Hashed<Order>,
    command: Command,
    mutation: Option<Mutation>,
) -> Result<Appended, Refusal> {
    let events = read.decide(command)?;
    if events.is_empty() {
        return Ok(Appended::Done(read.clone()));
    }
    if checkout.order.sequence != read.sequence && mutation != Some(Mutation::AppendAnywhere) {
        return Ok(Appended::Conflict);
    }
    let mut order = Order::clone(read);
    for event in &events {
        order.apply(event, now());
        publish(checkout, event, order.sequence, mutation);
    }
    checkout.order = Hashed::new(order);
    Ok(Appended::Done(checkout.order.clone()))
}

/// Returns the command of `EndExpired` for an expired reservation.
pub fn expired(checkout: &Checkout) -> Command {
    let reason = if checkout.deferred { CancelReason::PaymentUnavailable } else { CancelReason::CheckoutFailed };
    Command::Fail { reason }
}

/// Applies a payment event to the replica of the payment. Returns whether the sale has lost its payment by that.
pub fn apply_payment_event(checkout: &mut Checkout, message: Message) -> bool {
    let (payment_id, order_id) = (checkout.order.id_of_payment(), checkout.order.id);
    let (user_id, amount) = (checkout.order.user_id, checkout.order.total);
    let event: PaymentEvent = if message == Message::PaymentFailed {
        PaymentFailed { payment_id, order_id, user_id, amount, reason: "refused".to_owned() }.into()
    } else {
        PaymentProcessed { payment_id, order_id, user_id, amount }.into()
    };
    let id = EventId::derived(order_id, "event");
    if let Some(replica) = Payment::after(checkout.payment_replica.as_deref(), &event, id, now()) {
        checkout.payment_replica = Some(Hashed::new(replica));
    }
    let is_captured = checkout.payment_replica.as_ref().is_some_and(|replica| replica.captured);
    message == Message::PaymentFailed && checkout.order.is_sold() && !is_captured
}

fn publish(checkout: &mut Checkout, event: &OrderEvent, sequence: u64, mutation: Option<Mutation>) {
    let send_unless = |checkout: &mut Checkout, message, disabled_by| {
        if mutation != Some(disabled_by) {
            checkout.send(message);
        }
    };
    match event {
        OrderEvent::OrderConfirmed(_) => {
            checkout.history.confirmed_at = sequence;
            checkout.send(Message::CommitStock);
            send_unless(checkout, Message::CaptureConfirmed, Mutation::NoCaptureConfirmed);
        }
        OrderEvent::OrderCancelled(_) => {
            checkout.history.cancelled_at = sequence;
            send_unless(checkout, Message::ReleaseStock, Mutation::NoReleaseStock);
            send_unless(checkout, Message::UndoCancelled, Mutation::NoUndoCancelled);
        }
        _ => {}
    }
}
