use contracts::{CatalogEvent, Envelope, UserEvent};

use crate::{Orders, OrdersError, domain::Product, store::UserReplica};

/// Updates the replica of a user, which says whether orders can be placed for them.
pub async fn replicate_user(orders: &Orders, envelope: Envelope<UserEvent>) -> Result<(), OrdersError> {
    let (user_id, deleted) = match envelope.event {
        UserEvent::UserRegistered(user) => (user.user_id, false),
        UserEvent::UserUpdated(user) => (user.user_id, false),
        UserEvent::UserDeleted(user) => (user.user_id, true),
    };
    orders.store.put_user(&UserReplica { user_id, deleted, sequence: envelope.sequence }).await?;
    Ok(())
}

/// Updates the replica of a product, which orders are priced by.
pub async fn replicate_product(orders: &Orders, envelope: Envelope<CatalogEvent>) -> Result<(), OrdersError> {
    let sequence = envelope.sequence;
    let product = match envelope.event {
        CatalogEvent::ProductCreated(product) => {
            Product { product_id: product.product_id, name: product.name, price: product.price, sequence }
        }
        CatalogEvent::ProductUpdated(product) => {
            Product { product_id: product.product_id, name: product.name, price: product.price, sequence }
        }
        CatalogEvent::ProductArchived(product) => {
            return Ok(orders.store.archive_product(product.product_id, sequence).await?);
        }
    };
    Ok(orders.store.put_product(&product).await?)
}
