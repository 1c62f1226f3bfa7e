//! A product as a caller sees it.

use kernel::{Currency, ProductId, Timestamp};
use serde::Serialize;

use crate::domain::Product;

#[derive(Serialize)]
pub(super) struct ProductAnswer<'a> {
    id: ProductId,
    name: &'a str,
    description: &'a str,
    category: &'a str,
    price: String,
    currency: Currency,
    created_at: Timestamp,
}

impl<'a> From<&'a Product> for ProductAnswer<'a> {
    fn from(product: &'a Product) -> Self {
        Self {
            id: product.id,
            name: &product.name,
            description: &product.description,
            category: &product.category,
            price: product.price.to_decimal(),
            currency: product.price.currency(),
            created_at: product.created_at,
        }
    }
}
