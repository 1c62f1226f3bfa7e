//! The errors of inventory, and how callers and the workflow receive them.

use dynamo::{KeyReused, StoreError};
use kernel::ProductId;
use lambda::{problem::Problem, task::TaskError};

use crate::domain::{MAX_ON_HAND, Refused, Stock};

/// An error of a use case of inventory.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// The product does not exist.
    #[error("the product does not exist")]
    UnknownProduct,
    /// Less stock would be left than is reserved.
    #[error("there is too little stock: {available} available, {reserved} reserved")]
    TooLittle {
        /// Pieces for sale.
        available: i64,
        /// Pieces that are reserved for orders.
        reserved: i64,
    },
    /// There would be more stock than [`MAX_ON_HAND`].
    #[error("there is too much stock: {on_hand} on hand, {MAX_ON_HAND} at most")]
    TooMuch {
        /// Available and reserved pieces together.
        on_hand: i64,
    },
    /// There is not enough stock of these products for an order.
    #[error("there is not enough stock of {}", list(.0))]
    OutOfStock(Vec<ProductId>),
    /// The order has ended, and nothing can be reserved for it anymore.
    #[error("the order has ended")]
    Ended,
    /// An order was confirmed without a reservation.
    #[error("nothing is reserved for the order")]
    NotReserved,
    /// Other requests changed the same stock or reservation in every attempt.
    #[error("the stock is being changed by other requests")]
    Busy,
    /// The idempotency key was used before, with another request.
    #[error(transparent)]
    KeyReused(#[from] KeyReused),
    /// The response could not be serialized.
    #[error("the response does not serialize")]
    Response(Problem),
    /// The table failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn list(ids: &[ProductId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl InventoryError {
    /// Returns the error for a change of `stock` that was refused.
    pub(crate) fn refused(refused: Refused, stock: &Stock) -> Self {
        match refused {
            Refused::TooLittle => Self::TooLittle { available: stock.available(), reserved: stock.reserved() },
            Refused::TooMuch => Self::TooMuch { on_hand: stock.on_hand() },
        }
    }
}

impl From<InventoryError> for Problem {
    fn from(error: InventoryError) -> Self {
        match error {
            InventoryError::UnknownProduct => Self::not_found("product"),
            InventoryError::TooLittle { available, reserved } => Self::new(
                409,
                "too_little_stock",
                format!("Only {available} pieces are available; {reserved} are reserved for orders."),
            )
            .with("available", available)
            .with("reserved", reserved),
            InventoryError::TooMuch { on_hand } => {
                let detail = format!("{on_hand} pieces are on hand, and at most {MAX_ON_HAND} are allowed.");
                Self::new(409, "too_much_stock", detail).with("on_hand", on_hand).with("most", MAX_ON_HAND)
            }
            InventoryError::OutOfStock(ids) => {
                Self::new(409, "out_of_stock", format!("There is not enough stock of {}.", list(&ids)))
            }
            InventoryError::Ended | InventoryError::NotReserved | InventoryError::Busy => {
                Self::new(409, "busy", "The stock is being changed by another request. Try again.")
            }
            InventoryError::KeyReused(reused) => reused.into(),
            InventoryError::Response(problem) => problem,
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
