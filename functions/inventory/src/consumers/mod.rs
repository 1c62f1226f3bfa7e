//! Consumers of the events of other contexts.

use contracts::{CatalogEvent, Envelope, OrderEvent};

use crate::{Inventory, InventoryError};

/// Creates the stock of a new product.
pub async fn stock_product(inventory: &Inventory, envelope: Envelope<CatalogEvent>) -> Result<(), InventoryError> {
    match envelope.event {
        CatalogEvent::ProductCreated(product) => inventory.create_stock(product.product_id).await,
        // Orders of an archived product go on, so its stock stays.
        CatalogEvent::ProductUpdated(_) | CatalogEvent::ProductArchived(_) => Ok(()),
    }
}

/// Commits the reservation of a confirmed order, and releases that of a cancelled one.
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
