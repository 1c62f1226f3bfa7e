//! The properties: rules for every state, and rules for the states in which nothing is left to do.

use inventory::domain::Status as ReservationStatus;
use kernel::Money;
use orders::domain::Status;
use payments::provider::ledger::State as LedgerState;
use stateright::Property;

use crate::{
    model::CheckoutModel,
    state::{Checkout, Delivery, State},
};

/// Returns all properties. Their names say what they require.
pub fn all() -> Vec<Property<CheckoutModel>> {
    vec![
        Property::always("stock is never below zero", |_, state| is_stock_consistent(state)),
        Property::always("every piece is available, reserved, or sold once", are_pieces_accounted_for),
        Property::always("a payment is captured once, and only of a confirmed order", |_, state| {
            of_each(state, is_capture_allowed)
        }),
        Property::always("no more is refunded than was captured", |_, state| of_each(state, are_refunds_covered)),
        Property::always("an order that was cancelled is not sold", |_, state| of_each(state, is_log_consistent)),
        Property::always("in the end, every checkout is consistent", |_, state| {
            !is_over(state) || of_each(state, is_consistent)
        }),
        Property::always("everything ends", CheckoutModel::terminates),
        // If a situation is never reached, the properties above say nothing about it.
        Property::sometimes("an order is paid in the end", |_, state| is_over(state) && any(state, is_paid)),
        Property::sometimes("a payment is refunded", |_, state| any(state, |checkout| at_provider(checkout).1 > 0)),
        Property::sometimes("sold stock is released", |_, state| {
            any(state, |checkout| {
                checkout.order.payment_id.is_some() && reservation_status(checkout) == Some(ReservationStatus::Released)
            })
        }),
        Property::sometimes("a checkout is deferred", |_, state| any(state, |checkout| checkout.deferred)),
        Property::sometimes("an order is parked", |_, state| any(state, |checkout| checkout.parked)),
        Property::sometimes("two executions run at once", |_, state| any(state, |checkout| checkout.executions() > 1)),
    ]
}

fn any(state: &State, is: fn(&Checkout) -> bool) -> bool {
    state.checkouts.iter().any(is)
}

fn is_paid(checkout: &Checkout) -> bool {
    checkout.order.status == Status::Paid
}

fn of_each(state: &State, holds: fn(&Checkout) -> bool) -> bool {
    state.checkouts.iter().all(holds)
}

/// Returns whether nothing is left to do.
pub fn is_over(state: &State) -> bool {
    state.checkouts.iter().all(|checkout| {
        let is_reserved = reservation_status(checkout) == Some(ReservationStatus::Reserved);
        let are_messages_processed = checkout.messages.values().all(|delivery| *delivery == Delivery::Processed);
        checkout.workers.is_empty()
            && are_messages_processed
            && checkout.delayed_calls.is_empty()
            && !checkout.deferred
            && !checkout.parked
            && !is_reserved
            && checkout.order.status != Status::Pending
    })
}

fn reservation_status(checkout: &Checkout) -> Option<ReservationStatus> {
    checkout.reservation.as_ref().map(|reservation| reservation.status)
}

fn is_stock_consistent(state: &State) -> bool {
    state.stock.counters.iter().all(|counter| 0 <= counter.available && counter.available <= counter.on_hand)
}

fn are_pieces_accounted_for(model: &CheckoutModel, state: &State) -> bool {
    let pieces = |statuses: &[ReservationStatus]| -> i64 {
        let reservations = state.checkouts.iter().filter_map(|checkout| checkout.reservation.as_ref());
        let counted = reservations.filter(|reservation| statuses.contains(&reservation.status));
        counted.flat_map(|reservation| &reservation.taken).map(|taken| taken.pieces).sum()
    };
    let unavailable = pieces(&[ReservationStatus::Reserved, ReservationStatus::Committed]);
    state.stock.available() == model.bounds.pieces - unavailable
        && state.stock.on_hand() == model.bounds.pieces - pieces(&[ReservationStatus::Committed])
}

fn is_capture_allowed(checkout: &Checkout) -> bool {
    let history = checkout.history;
    history.captures <= 1 && !history.captured_early && history.captures_published <= history.captures
}

/// Returns the captured and the refunded amount at the provider, in minor units.
fn at_provider(checkout: &Checkout) -> (i64, i64) {
    let Some(ledger) = &checkout.provider_ledger else { return (0, 0) };
    let captured = if ledger.state == LedgerState::Captured { checkout.order.total.minor() } else { 0 };
    (captured, ledger.refunds.values().copied().map(Money::minor).sum())
}

fn are_refunds_covered(checkout: &Checkout) -> bool {
    let (captured, refunded) = at_provider(checkout);
    refunded <= captured && checkout.history.refunded_published <= refunded
}

fn is_log_consistent(checkout: &Checkout) -> bool {
    let history = checkout.history;
    // A sold order may be cancelled, but a cancelled order is never sold.
    history.confirmed_at == 0 || history.cancelled_at == 0 || history.confirmed_at < history.cancelled_at
}

/// Returns whether the order is paid, with its payment captured and its stock sold, or cancelled, with neither, and
/// whether the published events agree.
fn is_consistent(checkout: &Checkout) -> bool {
    let (captured, refunded) = at_provider(checkout);
    let (history, total) = (checkout.history, checkout.order.total.minor());
    let are_events_consistent =
        history.refunded_published == refunded && i64::from(history.captures_published) * total == captured;
    let is_authorized = checkout.provider_ledger.as_ref().is_some_and(|ledger| ledger.state == LedgerState::Authorized);
    let reservation = reservation_status(checkout);
    let is_outcome_consistent = match checkout.order.status {
        Status::Paid => captured == total && refunded == 0 && reservation == Some(ReservationStatus::Committed),
        Status::Cancelled => {
            let holds_stock = matches!(reservation, Some(ReservationStatus::Reserved | ReservationStatus::Committed));
            captured == refunded && !is_authorized && !holds_stock
        }
        _ => false,
    };
    are_events_consistent && is_outcome_consistent
}
