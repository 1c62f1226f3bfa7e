//! Stock and reservations, without a clock, table or network.

mod reservation;
mod stock;

pub use reservation::{Effect, Found, Reservation, Status, Taken, take};
pub use stock::{Change, Counter, MAX_ON_HAND, Movement, Refused, Stock};

#[cfg(test)]
mod tests;
