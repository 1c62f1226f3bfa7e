//! Example products for a new stack.

use contracts::{Cause, StockLevel};
use kernel::{Currency, Invalid, Money, ProductId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Catalog, Created, domain::Product};

/// The products to create.
#[derive(Debug, Deserialize)]
pub struct Seed {
    products: Vec<SeedProduct>,
}

#[derive(Debug, Deserialize)]
struct SeedProduct {
    id: ProductId,
    name: String,
    description: String,
    category: String,
    price: String,
    currency: Currency,
}

/// The result of seeding.
#[derive(Debug, Default, Serialize)]
pub struct Seeded {
    created: usize,
    existing: usize,
}

/// Creates the products that do not exist yet.
///
/// # Errors
/// If a product is not valid, or the table does not respond.
pub async fn seed(catalog: &Catalog, seed: Seed) -> Result<Seeded, lambda::Error> {
    let mut seeded = Seeded::default();
    let now = Timestamp::now();
    for product in seed.products {
        match catalog.create(&product.read(now)?, None, now, &Cause::own()).await? {
            Created::Done => seeded.created += 1,
            Created::Replayed(_) | Created::Exists => seeded.existing += 1,
        }
    }
    Ok(seeded)
}

impl SeedProduct {
    fn read(self, now: Timestamp) -> Result<Product, Invalid> {
        Ok(Product {
            id: self.id,
            name: self.name.parse()?,
            description: self.description.parse()?,
            category: self.category.parse()?,
            price: Money::parse(&self.price, self.currency)?,
            availability: StockLevel::SoldOut,
            stock_sequence: 0,
            created_at: now,
            archived_at: None,
            version: 1,
        })
    }
}
