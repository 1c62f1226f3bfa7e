//! What can go wrong with stock, and how a caller is told.

use dynamo::{KeyReused, StoreError};
use kernel::ProductId;
use lambda::{problem::Problem, task::TaskError};

use crate::domain::{MOST_ON_HAND, Refused, Stock};

/// Why a use case of inventory did not happen.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// No such product.
    #[error("there is no such product")]
    UnknownProduct,
    /// Less would be left than is set aside.
    #[error("there is too little: {available} available, {reserved} reserved")]
    TooLittle {
        /// For sale.
        available: i64,
        /// Set aside.
        reserved: i64,
    },
    /// More would be there than can be.
    #[error("there is too much: {on_hand} on hand, at most {MOST_ON_HAND}")]
    TooMuch {
        /// In the house.
        on_hand: i64,
    },
    /// Too little of these for an order.
    #[error("too little of {}", list(.0))]
    OutOfStock(Vec<ProductId>),
    /// The order ended: nothing is set aside for it any more.
    #[error("the order has ended")]
    Ended,
    /// A sale was confirmed for which nothing was set aside.
    #[error("nothing was reserved for the order")]
    NotReserved,
    /// Others changed the same stock or reservation again and again.
    #[error("it is being changed by others")]
    Busy,
    /// The idempotency key was used before, with another request.
    #[error(transparent)]
    KeyReused(#[from] KeyReused),
    /// The answer could not be made.
    #[error("the answer does not serialize")]
    Answer(Problem),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn list(ids: &[ProductId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl InventoryError {
    /// Why `stock` cannot be changed so.
    pub(crate) fn refused(refused: Refused, stock: &Stock) -> Self {
        match refused {
            Refused::TooLittle => Self::TooLittle { available: stock.available(), reserved: stock.reserved() },
            Refused::TooMuch => Self::TooMuch { on_hand: stock.on_hand() },
        }
    }
}

impl From<InventoryError> for Problem {
    fn from(error: InventoryError) -> Self {
        let detail = format!("{error}.");
        match error {
            InventoryError::UnknownProduct => Self::not_found("product"),
            InventoryError::TooLittle { available, reserved } => {
                Self::new(409, "too_little_stock", format!("There are {available} available and {reserved} reserved."))
                    .with("available", available)
                    .with("reserved", reserved)
            }
            InventoryError::TooMuch { on_hand } => {
                let detail = format!("There are {on_hand} on hand already, and there can be {MOST_ON_HAND} at most.");
                Self::new(409, "too_much_stock", detail).with("on_hand", on_hand).with("most", MOST_ON_HAND)
            }
            InventoryError::OutOfStock(_) => Self::new(409, "out_of_stock", detail),
            InventoryError::Ended | InventoryError::NotReserved | InventoryError::Busy => {
                Self::new(409, "busy", "The stock is being changed by another request; try again.")
            }
            InventoryError::KeyReused(reused) => reused.into(),
            InventoryError::Answer(problem) => problem,
            InventoryError::Store(error) => error.into(),
        }
    }
}

impl From<InventoryError> for TaskError {
    fn from(error: InventoryError) -> Self {
        match error {
            InventoryError::OutOfStock(_) => Self::refused("OutOfStock", error),
            InventoryError::Ended => Self::refused("ReservationEnded", error),
            other => Self::fault("InventoryUnavailable", other),
        }
    }
}
