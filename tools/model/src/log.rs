//! orders' steps. The log is read, decided upon, and written on the condition that the place is free; in between others may come.

use contracts::{CancelReason, OrderEvent, PaymentEvent, PaymentFailed, PaymentProcessed};
use kernel::EventId;
use orders::domain::{Command, Order, Payment, Refusal};

use crate::{
    kept::Kept,
    mutation::Mutation,
    state::{Letter, Sale, now},
};

/// What an append led to.
pub enum Appended {
    /// The order is this now, or was before.
    Done(Kept<Order>),
    /// Somebody was faster.
    Conflict,
}

/// Carries out `command` on the order as it was `seen`.
pub fn append(
    sale: &mut Sale,
    seen: &Kept<Order>,
    command: Command,
    mutation: Option<Mutation>,
) -> Result<Appended, Refusal> {
    let events = seen.decide(command)?;
    if events.is_empty() {
        return Ok(Appended::Done(seen.clone()));
    }
    if sale.order.sequence != seen.sequence && mutation != Some(Mutation::WriteAnyPlace) {
        return Ok(Appended::Conflict);
    }
    let mut order = Order::clone(seen);
    for event in &events {
        order.apply(event, now());
        tell(sale, event, order.sequence, mutation);
    }
    sale.order = Kept::new(order);
    Ok(Appended::Done(sale.order.clone()))
}

/// Why end-expired ends an order.
pub fn expired(sale: &Sale) -> Command {
    let reason = if sale.deferred { CancelReason::PaymentUnavailable } else { CancelReason::CheckoutFailed };
    Command::Fail { reason }
}

/// Keeps what is heard of the payment; whether the sale has lost its money by that.
pub fn remember_payment(sale: &mut Sale, letter: Letter) -> bool {
    let (payment_id, order_id) = (sale.order.id_of_payment(), sale.order.id);
    let (user_id, amount) = (sale.order.user_id, sale.order.total);
    let event: PaymentEvent = if letter == Letter::Failed {
        PaymentFailed { payment_id, order_id, user_id, amount, reason: "refused".to_owned() }.into()
    } else {
        PaymentProcessed { payment_id, order_id, user_id, amount }.into()
    };
    let id = EventId::derived(order_id, "event");
    if let Some(copy) = Payment::heard(sale.copy.as_deref(), &event, id, now()) {
        sale.copy = Some(Kept::new(copy));
    }
    let is_captured = sale.copy.as_ref().is_some_and(|copy| copy.captured);
    letter == Letter::Failed && sale.order.is_sold() && !is_captured
}

fn tell(sale: &mut Sale, event: &OrderEvent, place: u64, mutation: Option<Mutation>) {
    let hear = |sale: &mut Sale, letter, unless| {
        if mutation != Some(unless) {
            sale.send(letter);
        }
    };
    match event {
        OrderEvent::OrderConfirmed(_) => {
            sale.ledger.confirmed = place;
            sale.send(Letter::Settle);
            hear(sale, Letter::CaptureConfirmed, Mutation::NoCaptureConfirmed);
        }
        OrderEvent::OrderCancelled(_) => {
            sale.ledger.cancelled = place;
            hear(sale, Letter::PutBack, Mutation::NoPutBack);
            hear(sale, Letter::UndoCancelled, Mutation::NoUndoCancelled);
        }
        _ => {}
    }
}
