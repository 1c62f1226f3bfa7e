//! The steps of inventory. Each writes one transaction on the condition of what it has read, so each is one step here.

use contracts::StockLine;
use inventory::{
    InventoryError,
    domain::{Effect, Found, Movement, Reservation, Status, Stock, take},
};
use orders::domain::Order;

use crate::{
    hashed::Hashed,
    mutation::Mutation,
    state::{Checkout, now},
};

/// Returns the stock that an order needs.
pub fn lines(order: &Order) -> Vec<StockLine> {
    let line = |line: &contracts::OrderLine| StockLine { product_id: line.product_id, quantity: line.quantity };
    order.lines.iter().map(line).collect()
}

/// Reserves the stock of the order, if that was not done before.
///
/// # Errors
/// If there is too little stock, or the reservation has ended.
pub fn reserve(stock: &mut Stock, checkout: &mut Checkout, mutation: Option<Mutation>) -> Result<(), InventoryError> {
    let lines = lines(&checkout.order);
    if let Some(reservation) = &checkout.reservation {
        return match reservation.found_for(&lines) {
            Found::Done => Ok(()),
            Found::Ended => Err(InventoryError::Ended),
            Found::Short(short) => Err(InventoryError::OutOfStock(short)),
        };
    }
    let mut read = stock.clone();
    if mutation == Some(Mutation::ReserveUnavailable) {
        read.counters.iter_mut().for_each(|counter| counter.available = counter.on_hand);
    }
    let (status, taken, short) = match take(&lines, &[read], 0) {
        Ok(taken) => (Status::Reserved, taken, Vec::new()),
        Err(short) => (Status::Rejected, Vec::new(), short),
    };
    move_pieces(stock, &taken.iter().map(|taken| Effect::RESERVE.on(*taken)).collect::<Vec<_>>());
    checkout.reservation =
        Some(Hashed::new(Reservation { status, lines, taken, reserved_until: now(), asked: 0, short: short.clone() }));
    if status == Status::Rejected { Err(InventoryError::OutOfStock(short)) } else { Ok(()) }
}

/// Commits the reservation of a sold order.
///
/// # Errors
/// If no stock is reserved.
pub fn commit(stock: &mut Stock, checkout: &mut Checkout) -> Result<(), InventoryError> {
    match checkout.reservation.as_ref().map(|reservation| reservation.status) {
        None | Some(Status::Rejected) => Err(InventoryError::NotReserved),
        Some(status) => {
            take_step(stock, checkout, status.commit());
            Ok(())
        }
    }
}

/// Releases the stock of the order. From then on, no stock can be reserved for it.
pub fn release(stock: &mut Stock, checkout: &mut Checkout, mutation: Option<Mutation>) {
    let Some(status) = checkout.reservation.as_ref().map(|reservation| reservation.status) else {
        let (lines, taken, short) = (Vec::new(), Vec::new(), Vec::new());
        let released = Reservation { status: Status::Released, lines, taken, reserved_until: now(), asked: 0, short };
        checkout.reservation = Some(Hashed::new(released));
        return;
    };
    let again =
        (mutation == Some(Mutation::ReleaseTwice)).then_some(Effect { to: Status::Released, available: 1, on_hand: 0 });
    take_step(stock, checkout, status.release().or(again));
}

fn take_step(stock: &mut Stock, checkout: &mut Checkout, effect: Option<Effect>) {
    if let (Some(reservation), Some(effect)) = (&checkout.reservation, effect) {
        let moved: Vec<Movement> = reservation.taken.iter().map(|taken| effect.on(*taken)).collect();
        checkout.reservation = Some(Hashed::new(Reservation { status: effect.to, ..Reservation::clone(reservation) }));
        move_pieces(stock, &moved);
    }
}

fn move_pieces(stock: &mut Stock, movements: &[Movement]) {
    *stock = stock.clone().after(movements);
    // The version of a counter decides nothing here, and would only add states.
    stock.counters.iter_mut().for_each(|counter| counter.version = 0);
}
