//! Consumers of the events of other contexts.

use contracts::{Envelope, InventoryEvent};

use crate::{Catalog, CatalogError};

/// Updates the stock level of a product. Changes of stock that do not change the level are ignored.
pub async fn update_availability(catalog: &Catalog, envelope: Envelope<InventoryEvent>) -> Result<(), CatalogError> {
    match envelope.event {
        InventoryEvent::StockChanged(stock) if stock.level_changed => {
            catalog.set_availability(stock.product_id, stock.level, envelope.sequence).await
        }
        InventoryEvent::StockChanged(_)
        | InventoryEvent::StockReserved(_)
        | InventoryEvent::StockReleased(_)
        | InventoryEvent::StockRejected(_)
        | InventoryEvent::ReservationExpired(_)
        | InventoryEvent::StockRanLow(_) => Ok(()),
    }
}
