//! The steps of the checkout workflow in inventory. Each step is idempotent by the order id.

use contracts::{Cause, StockLine};
use kernel::OrderId;
use lambda::task::TaskError;
use serde::Deserialize;

use crate::Inventory;

/// The part of the workflow's input that these steps need.
#[derive(Debug, Deserialize)]
pub struct OrderStock {
    order_id: OrderId,
    lines: Vec<StockLine>,
}

/// Reserves the order's pieces. Fails with `OutOfStock`, or with `ReservationEnded` if the order was cancelled in the
/// meantime.
pub async fn reserve_stock(inventory: &Inventory, order: OrderStock, cause: Cause) -> Result<(), TaskError> {
    Ok(inventory.reserve(order.order_id, &order.lines, &cause).await?)
}

/// Releases the order's pieces. It undoes `reserve_stock`, whether that was executed or not.
pub async fn release_stock(inventory: &Inventory, order: OrderStock, cause: Cause) -> Result<(), TaskError> {
    Ok(inventory.release(order.order_id, &cause).await?)
}
