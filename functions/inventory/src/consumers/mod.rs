//! What inventory hears.

use contracts::{CatalogEvent, Envelope, OrderEvent};

use crate::{Inventory, InventoryError};

/// Starts to keep stock of a new product.
pub async fn stock_product(inventory: &Inventory, envelope: Envelope<CatalogEvent>) -> Result<(), InventoryError> {
    match envelope.event {
        CatalogEvent::ProductCreated(product) => inventory.keep(product.product_id).await,
        // What was reserved of an archived product is still sold.
        CatalogEvent::ProductUpdated(_) | CatalogEvent::ProductArchived(_) => Ok(()),
    }
}

/// Lets the pieces of a confirmed order go, and takes those of a cancelled one back.
pub async fn settle_order(inventory: &Inventory, envelope: Envelope<OrderEvent>) -> Result<(), InventoryError> {
    let cause = envelope.as_cause();
    match envelope.event {
        OrderEvent::OrderConfirmed(order) => inventory.commit(order.order_id).await,
        OrderEvent::OrderCancelled(order) => inventory.release(order.order_id, &cause).await,
        OrderEvent::OrderPlaced(_)
        | OrderEvent::CheckoutStarted(_)
        | OrderEvent::OrderProcessing(_)
        | OrderEvent::OrderShipped(_)
        | OrderEvent::OrderDelivered(_)
        | OrderEvent::OrderRefunded(_) => Ok(()),
    }
}
