//! Example stock for a new stack.

use dynamo::StoredResponse;
use kernel::{ProductId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Inventory, InventoryError, domain::Change};

/// The stock to create.
#[derive(Debug, Deserialize)]
pub struct Seed {
    stock: Vec<SeedStock>,
}

#[derive(Debug, Deserialize)]
struct SeedStock {
    product_id: ProductId,
    quantity: i64,
}

/// The result of seeding.
#[derive(Debug, Default, Serialize)]
pub struct Seeded {
    created: usize,
    existing: usize,
}

/// Sets the stock of the products that have none, and leaves the others unchanged.
///
/// # Errors
/// If the table does not respond.
pub async fn seed(inventory: &Inventory, seed: Seed) -> Result<Seeded, InventoryError> {
    let mut seeded = Seeded::default();
    for wanted in seed.stock {
        if inventory.store.stock(wanted.product_id).await?.is_some_and(|stock| stock.on_hand() > 0) {
            seeded.existing += 1;
        } else {
            inventory.create_stock(wanted.product_id).await?;
            let empty = |_: &_| Ok(StoredResponse { status: 200, location: None, body: String::new() });
            inventory.change(wanted.product_id, Change::Set(wanted.quantity), None, Timestamp::now(), empty).await?;
            seeded.created += 1;
        }
    }
    Ok(seeded)
}
