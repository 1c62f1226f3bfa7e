//! The events that `catalog` publishes.

use kernel::{Money, ProductId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

crate::events!(
    /// The events of products.
    CatalogEvent from "catalog" {
        /// A product was added to the catalog.
        ProductCreated,
        /// A product was changed.
        ProductUpdated,
        /// A product was removed from the catalog.
        ProductArchived,
    }
);

/// A product was added to the catalog. Its stock is zero until it is set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProductCreated {
    /// The product.
    pub product_id: ProductId,
    /// The name that customers see.
    pub name: String,
    /// The category in which the shop lists the product.
    pub category: String,
    /// The price of one piece.
    pub price: Money,
}

/// A product was changed. The event has the new state of the product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProductUpdated {
    /// The product.
    pub product_id: ProductId,
    /// The name that customers see.
    pub name: String,
    /// The category in which the shop lists the product.
    pub category: String,
    /// The price of one piece.
    pub price: Money,
}

/// A product was removed from the catalog and is no longer sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProductArchived {
    /// The product.
    pub product_id: ProductId,
}
