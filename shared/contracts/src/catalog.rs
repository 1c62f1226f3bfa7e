//! What `catalog` tells.

use kernel::{Money, ProductId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

crate::events!(
    /// The events of products.
    CatalogEvent from "catalog" {
        /// A product came into the catalog.
        ProductCreated,
        /// A product was changed.
        ProductUpdated,
        /// A product was taken out of the catalog.
        ProductArchived,
    }
);

/// A product came into the catalog; its stock is zero until somebody sets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProductCreated {
    /// Which.
    pub product_id: ProductId,
    /// What it is called.
    pub name: String,
    /// Where it stands in the shop.
    pub category: String,
    /// What one piece costs.
    pub price: Money,
}

/// A product was changed; it is now as told here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProductUpdated {
    /// Which.
    pub product_id: ProductId,
    /// What it is called.
    pub name: String,
    /// Where it stands in the shop.
    pub category: String,
    /// What one piece costs.
    pub price: Money,
}

/// A product was taken out of the catalog: it is not sold any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProductArchived {
    /// Which.
    pub product_id: ProductId,
}
