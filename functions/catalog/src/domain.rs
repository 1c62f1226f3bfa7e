//! What a product is.

use kernel::{Money, ProductId, Text, Timestamp};
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
    /// How often it was written.
    pub version: u64,
}
