//! Stock and reservations. Pure: no clock, no table, no network.

mod reservation;
mod stock;

pub use reservation::{Effect, Found, Reservation, Status, Taken, take};
pub use stock::{Change, Counter, MOST_ON_HAND, Movement, Refused, Stock};

#[cfg(test)]
mod tests;
