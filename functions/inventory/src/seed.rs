//! Example stock, for a stack that is tried out.

use dynamo::Answer;
use kernel::{ProductId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Inventory, InventoryError, domain::Change};

/// What is to be on hand.
#[derive(Debug, Deserialize)]
pub struct Seed {
    stock: Vec<SeedStock>,
}

#[derive(Debug, Deserialize)]
struct SeedStock {
    product_id: ProductId,
    quantity: i64,
}

/// What became of it.
#[derive(Debug, Default, Serialize)]
pub struct Seeded {
    created: usize,
    existing: usize,
}

/// Fills up the products of which there is nothing yet; leaves the others as they are.
///
/// # Errors
/// When the store does not answer.
pub async fn seed(inventory: &Inventory, seed: Seed) -> Result<Seeded, InventoryError> {
    let mut seeded = Seeded::default();
    for wanted in seed.stock {
        if inventory.store.stock(wanted.product_id).await?.is_some_and(|stock| stock.on_hand() > 0) {
            seeded.existing += 1;
        } else {
            inventory.keep(wanted.product_id).await?;
            let nothing = |_: &_| Ok(Answer { status: 200, location: None, body: String::new() });
            inventory.change(wanted.product_id, Change::Set(wanted.quantity), None, Timestamp::now(), nothing).await?;
            seeded.created += 1;
        }
    }
    Ok(seeded)
}
