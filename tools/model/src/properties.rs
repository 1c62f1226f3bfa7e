//! What holds at every moment, and what holds when all is over.

use inventory::domain::Status as Reserved;
use kernel::Money;
use orders::domain::Status;
use payments::provider::books::State as Held;
use stateright::Property;

use crate::{
    model::Shop,
    state::{Post, Sale, State},
};

/// All of them, by what they say.
pub fn all() -> Vec<Property<Shop>> {
    vec![
        Property::always("stock is never below zero", |_, state| is_stock_there(state)),
        Property::always("every piece is for sale, set aside, or sold once", are_pieces_accounted_for),
        Property::always("money is taken once, and of a confirmed order", |_, state| of_each(state, is_taken_rightly)),
        Property::always("no more goes back than was taken", |_, state| of_each(state, is_back_at_most_what_was_taken)),
        Property::always("what is cancelled is not sold", |_, state| of_each(state, is_log_one)),
        Property::always("what is over is right", |_, state| !is_over(state) || of_each(state, is_right)),
        Property::always("all comes to an end", Shop::comes_to_an_end),
        // What is never seen was never looked at.
        Property::sometimes("an order is paid, and all is over", |_, state| is_over(state) && any(state, is_paid)),
        Property::sometimes("money has gone back", |_, state| any(state, |sale| at_provider(sale).1 > 0)),
        Property::sometimes("what was sold is put back", |_, state| {
            any(state, |sale| sale.order.payment_id.is_some() && reserved(sale) == Some(Reserved::Released))
        }),
        Property::sometimes("a checkout is deferred", |_, state| any(state, |sale| sale.deferred)),
        Property::sometimes("an order is parked", |_, state| any(state, |sale| sale.parked)),
        Property::sometimes("two executions run at once", |_, state| any(state, |sale| sale.executions() > 1)),
    ]
}

fn any(state: &State, is: fn(&Sale) -> bool) -> bool {
    state.sales.iter().any(is)
}

fn is_paid(sale: &Sale) -> bool {
    sale.order.status == Status::Paid
}

fn of_each(state: &State, holds: fn(&Sale) -> bool) -> bool {
    state.sales.iter().all(holds)
}

/// Whether nobody has anything left to do.
pub fn is_over(state: &State) -> bool {
    state.sales.iter().all(|sale| {
        let is_reserved = reserved(sale) == Some(Reserved::Reserved);
        let is_heard = sale.letters.values().all(|post| *post == Post::Heard);
        sale.workers.is_empty()
            && is_heard
            && sale.calls.is_empty()
            && !sale.deferred
            && !sale.parked
            && !is_reserved
            && sale.order.status != Status::Pending
    })
}

fn reserved(sale: &Sale) -> Option<Reserved> {
    sale.reservation.as_ref().map(|reservation| reservation.status)
}

fn is_stock_there(state: &State) -> bool {
    state.stock.counters.iter().all(|counter| 0 <= counter.available && counter.available <= counter.on_hand)
}

fn are_pieces_accounted_for(shop: &Shop, state: &State) -> bool {
    let pieces = |counts: &[Reserved]| -> i64 {
        let reservations = state.sales.iter().filter_map(|sale| sale.reservation.as_ref());
        let counted = reservations.filter(|reservation| counts.contains(&reservation.status));
        counted.flat_map(|reservation| &reservation.taken).map(|taken| taken.pieces).sum()
    };
    state.stock.available() == shop.bounds.pieces - pieces(&[Reserved::Reserved, Reserved::Committed])
        && state.stock.on_hand() == shop.bounds.pieces - pieces(&[Reserved::Committed])
}

fn is_taken_rightly(sale: &Sale) -> bool {
    sale.ledger.taken <= 1 && !sale.ledger.taken_early && sale.ledger.told_taken <= sale.ledger.taken
}

/// What the provider has taken, and what of it went back there, in minor units.
fn at_provider(sale: &Sale) -> (i64, i64) {
    let Some(books) = &sale.books else { return (0, 0) };
    let taken = if books.state == Held::Captured { sale.order.total.minor() } else { 0 };
    (taken, books.refunds.values().copied().map(Money::minor).sum())
}

fn is_back_at_most_what_was_taken(sale: &Sale) -> bool {
    let (taken, back) = at_provider(sale);
    back <= taken && sale.ledger.told_back <= back
}

fn is_log_one(sale: &Sale) -> bool {
    let ledger = sale.ledger;
    // A sale may be cancelled; what was cancelled is never sold.
    ledger.confirmed == 0 || ledger.cancelled == 0 || ledger.confirmed < ledger.cancelled
}

/// Paid, with its money and its pieces; or cancelled, with neither.
fn is_right(sale: &Sale) -> bool {
    let (taken, back) = at_provider(sale);
    let is_told =
        sale.ledger.told_back == back && i64::from(sale.ledger.told_taken) * sale.order.total.minor() == taken;
    let is_set_aside = sale.books.as_ref().is_some_and(|books| books.state == Held::Authorized);
    let is_whole = match sale.order.status {
        Status::Paid => taken == sale.order.total.minor() && back == 0 && reserved(sale) == Some(Reserved::Committed),
        Status::Cancelled => {
            taken == back && !is_set_aside && !matches!(reserved(sale), Some(Reserved::Reserved | Reserved::Committed))
        }
        _ => false,
    };
    is_told && is_whole
}
