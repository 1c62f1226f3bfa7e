//! inventory's steps. What each writes is one transaction, under the condition that it was decided on; so each is one step here.

use contracts::StockLine;
use inventory::{
    InventoryError,
    domain::{Effect, Found, Movement, Reservation, Status, Stock, take},
};
use orders::domain::Order;

use crate::{
    kept::Kept,
    mutation::Mutation,
    state::{Sale, now},
};

/// What an order takes out of stock.
pub fn lines(order: &Order) -> Vec<StockLine> {
    let line = |line: &contracts::OrderLine| StockLine { product_id: line.product_id, quantity: line.quantity };
    order.lines.iter().map(line).collect()
}

/// Sets the order's pieces aside; done before is done.
pub fn reserve(stock: &mut Stock, sale: &mut Sale, mutation: Option<Mutation>) -> Result<(), InventoryError> {
    let lines = lines(&sale.order);
    if let Some(there) = &sale.reservation {
        return match there.found_for(&lines) {
            Found::Done => Ok(()),
            Found::Ended => Err(InventoryError::Ended),
            Found::Short(short) => Err(InventoryError::OutOfStock(short)),
        };
    }
    let mut seen = stock.clone();
    if mutation == Some(Mutation::TakeUnchecked) {
        seen.counters.iter_mut().for_each(|counter| counter.available = counter.on_hand);
    }
    let (status, taken, short) = match take(&lines, &[seen], 0) {
        Ok(taken) => (Status::Reserved, taken, Vec::new()),
        Err(short) => (Status::Rejected, Vec::new(), short),
    };
    move_pieces(stock, &taken.iter().map(|taken| Effect::RESERVE.on(*taken)).collect::<Vec<_>>());
    sale.reservation =
        Some(Kept::new(Reservation { status, lines, taken, reserved_until: now(), asked: 0, short: short.clone() }));
    if status == Status::Rejected { Err(InventoryError::OutOfStock(short)) } else { Ok(()) }
}

/// Lets the pieces of a sale go.
pub fn commit(stock: &mut Stock, sale: &mut Sale) -> Result<(), InventoryError> {
    match sale.reservation.as_ref().map(|reservation| reservation.status) {
        None | Some(Status::Rejected) => Err(InventoryError::NotReserved),
        Some(status) => {
            take_step(stock, sale, status.commit());
            Ok(())
        }
    }
}

/// Puts the order's pieces back; from then on none can be set aside for it.
pub fn release(stock: &mut Stock, sale: &mut Sale, mutation: Option<Mutation>) {
    let Some(status) = sale.reservation.as_ref().map(|reservation| reservation.status) else {
        let (lines, taken, short) = (Vec::new(), Vec::new(), Vec::new());
        let never = Reservation { status: Status::Released, lines, taken, reserved_until: now(), asked: 0, short };
        sale.reservation = Some(Kept::new(never));
        return;
    };
    let again =
        (mutation == Some(Mutation::ReleaseTwice)).then_some(Effect { to: Status::Released, available: 1, on_hand: 0 });
    take_step(stock, sale, status.release().or(again));
}

fn take_step(stock: &mut Stock, sale: &mut Sale, effect: Option<Effect>) {
    if let (Some(reservation), Some(effect)) = (&sale.reservation, effect) {
        let moved: Vec<Movement> = reservation.taken.iter().map(|taken| effect.on(*taken)).collect();
        sale.reservation = Some(Kept::new(Reservation { status: effect.to, ..Reservation::clone(reservation) }));
        move_pieces(stock, &moved);
    }
}

fn move_pieces(stock: &mut Stock, movements: &[Movement]) {
    *stock = stock.clone().after(movements);
    // How often a counter was written decides nothing.
    stock.counters.iter_mut().for_each(|counter| counter.version = 0);
}
