//! Products in responses.

use contracts::StockLevel;
use kernel::{Currency, ProductId, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::domain::Product;

/// A product.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Product")]
pub(super) struct ProductResponse<'a> {
    id: ProductId,
    name: &'a str,
    description: &'a str,
    category: &'a str,
    /// The price of one piece.
    #[schemars(schema_with = "kernel::decimal_schema")]
    price: String,
    currency: Currency,
    /// The stock level, which may be a few moments out of date.
    availability: StockLevel,
    created_at: Timestamp,
}

impl<'a> From<&'a Product> for ProductResponse<'a> {
    fn from(product: &'a Product) -> Self {
        Self {
            id: product.id,
            name: &product.name,
            description: &product.description,
            category: &product.category,
            price: product.price.to_decimal(),
            currency: product.price.currency(),
            availability: product.availability,
            created_at: product.created_at,
        }
    }
}

/// The first seeded product.
pub(super) fn example() -> Value {
    json!({
        "id": "01930000-0000-7002-8000-000000000001",
        "name": "Featherweight Laptop 14",
        "description": "14-inch laptop, 1.1 kg, 32 GB memory, 1 TB SSD.",
        "category": "Computers",
        "price": "1849.00",
        "currency": "USD",
        "availability": "in_stock",
        "created_at": "2026-11-21T06:30:31.000Z",
    })
}
