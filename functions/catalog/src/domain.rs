//! What a product is.

use kernel::{Currency, Money, ProductId, Text, Timestamp};
use lambda::input::Amount;
use serde::{Deserialize, Serialize};

/// What a product is called.
pub type ProductName = Text<1, 200>;
/// What is said of it.
pub type Description = Text<0, 2000>;
/// Where it stands in the shop.
pub type Category = Text<1, 60>;

/// The highest price of one piece, in minor units: ten million.
pub const HIGHEST_PRICE_MINOR: i64 = 1_000_000_000;

/// A product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Which.
    pub id: ProductId,
    /// What it is called.
    pub name: ProductName,
    /// What is said of it.
    pub description: Description,
    /// Where it stands in the shop.
    pub category: Category,
    /// What one piece costs.
    pub price: Money,
    /// When it came into the catalog.
    pub created_at: Timestamp,
    /// When it was taken out of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<Timestamp>,
    /// How often it was written.
    pub version: u64,
}

/// What is to be different about a product; what is absent stays.
#[derive(Debug, Default)]
pub struct Changes {
    /// Another name.
    pub name: Option<ProductName>,
    /// Another description.
    pub description: Option<Description>,
    /// Another place in the shop.
    pub category: Option<Category>,
    /// Another price, in the same currency if none is given.
    pub price: Option<(Amount, Option<Currency>)>,
}

impl Product {
    /// The product with `changes`; nothing if they change nothing.
    pub fn changed(&self, changes: &Changes) -> Option<Self> {
        let mut product = self.clone();
        product.name = changes.name.clone().unwrap_or(product.name);
        product.description = changes.description.clone().unwrap_or(product.description);
        product.category = changes.category.clone().unwrap_or(product.category);
        if let Some((amount, currency)) = changes.price {
            product.price = amount.of(currency.unwrap_or(product.price.currency()));
        }
        (product != *self).then(|| Self { version: self.version + 1, ..product })
    }

    /// The product, taken out of the catalog.
    pub fn archived(&self, now: Timestamp) -> Self {
        Self { archived_at: Some(now), version: self.version + 1, ..self.clone() }
    }

    /// What tells this state of it from all others (RFC 9110: a strong entity tag).
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.version)
    }
}
