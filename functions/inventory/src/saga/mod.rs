//! The steps of the checkout workflow that are inventory's. Each is idempotent on the order id.

use contracts::{Cause, StockLine};
use kernel::OrderId;
use lambda::task::TaskError;
use serde::Deserialize;

use crate::Inventory;

/// The part of the workflow's input that these tasks need.
#[derive(Debug, Deserialize)]
pub struct OrderStock {
    order_id: OrderId,
    lines: Vec<StockLine>,
}

/// Sets the order's pieces aside. Refused as `OutOfStock`, or as `ReservationEnded` if the order was cancelled meanwhile.
pub async fn reserve_stock(inventory: &Inventory, order: OrderStock, cause: Cause) -> Result<(), TaskError> {
    Ok(inventory.reserve(order.order_id, &order.lines, &cause).await?)
}

/// Puts them back: undoes `reserve_stock`, whether it was done or not.
pub async fn release_stock(inventory: &Inventory, order: OrderStock, cause: Cause) -> Result<(), TaskError> {
    Ok(inventory.release(order.order_id, &cause).await?)
}
