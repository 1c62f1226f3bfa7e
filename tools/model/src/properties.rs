//! What the properties of the model require: of every state, or of the states in which nothing is left to do.

use inventory::domain::Status as ReservationStatus;
use kernel::Money;
use orders::domain::Status;
use payments::provider::ledger::State as LedgerState;

use crate::state::{Checkout, Delivery, State};

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

/// Returns the status of the reservation, if there is one.
pub fn reservation_status(checkout: &Checkout) -> Option<ReservationStatus> {
    checkout.reservation.as_ref().map(|reservation| reservation.status)
}

/// Returns whether stock is never below zero.
pub fn is_stock_consistent(state: &State) -> bool {
    state.stock.counters.iter().all(|counter| 0 <= counter.available && counter.available <= counter.on_hand)
}

/// Returns whether each of the `pieces` that were in stock at first is available, reserved, or sold once.
pub fn are_pieces_accounted_for(state: &State, pieces: i64) -> bool {
    let taken = |statuses: &[ReservationStatus]| -> i64 {
        let reservations = state.checkouts.iter().filter_map(|checkout| checkout.reservation.as_ref());
        let counted = reservations.filter(|reservation| statuses.contains(&reservation.status));
        counted.flat_map(|reservation| &reservation.taken).map(|one| one.pieces).sum()
    };
    let unavailable = taken(&[ReservationStatus::Reserved, ReservationStatus::Committed]);
    state.stock.available() == pieces - unavailable
        && state.stock.on_hand() == pieces - taken(&[ReservationStatus::Committed])
}

/// Returns whether the payment was captured at most once, and only after the order was confirmed.
pub fn is_capture_allowed(checkout: &Checkout) -> bool {
    let history = checkout.history;
    history.captures <= 1 && !history.captured_early && history.captures_published <= history.captures
}

/// Returns the captured and the refunded amount at the provider, in minor units.
pub fn at_provider(checkout: &Checkout) -> (i64, i64) {
    let Some(ledger) = &checkout.provider_ledger else { return (0, 0) };
    let captured = if ledger.state == LedgerState::Captured { checkout.order.total.minor() } else { 0 };
    (captured, ledger.refunds.values().copied().map(Money::minor).sum())
}

/// Returns whether no more is refunded than was captured.
pub fn are_refunds_covered(checkout: &Checkout) -> bool {
    let (captured, refunded) = at_provider(checkout);
    refunded <= captured && checkout.history.refunded_published <= refunded
}

/// Returns whether the order was not sold after it was cancelled.
pub fn is_log_consistent(checkout: &Checkout) -> bool {
    let history = checkout.history;
    // A sold order may be cancelled, but a cancelled order is never sold.
    history.confirmed_at == 0 || history.cancelled_at == 0 || history.confirmed_at < history.cancelled_at
}

/// Returns whether the order is paid, with its payment captured and its stock sold, or cancelled, with neither, and
/// whether the published events agree.
pub fn is_consistent(checkout: &Checkout) -> bool {
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
