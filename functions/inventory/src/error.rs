//! What can go wrong with stock, and how a caller is told.

use dynamo::StoreError;
use kernel::ProductId;
use lambda::{problem::Problem, task::TaskError};

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
    /// Too little of these for an order.
    #[error("too little of {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    OutOfStock(Vec<ProductId>),
    /// The order ended: nothing is set aside for it any more.
    #[error("the order has ended")]
    Ended,
    /// A sale was confirmed for which nothing was set aside.
    #[error("nothing was reserved for the order")]
    NotReserved,
    /// Others changed the same reservation again and again.
    #[error("the reservation is being changed by others")]
    Busy,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
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
            InventoryError::OutOfStock(_) => Self::new(409, "out_of_stock", detail),
            InventoryError::Ended | InventoryError::NotReserved | InventoryError::Busy => {
                Self::new(409, "busy", detail)
            }
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
