//! Products, and the order of product lists.

use std::str::FromStr;

use contracts::StockLevel;
use kernel::{Currency, Invalid, Money, ProductId, Text, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The name of a product.
pub type ProductName = Text<1, 200>;
/// The description of a product.
pub type Description = Text<0, 2000>;
/// The category of a product.
pub type Category = Text<1, 60>;

/// The highest price of one piece: ten million, in minor units.
pub const MAX_PRICE_MINOR: i64 = 1_000_000_000;

/// A product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// The id.
    pub id: ProductId,
    /// The name.
    pub name: ProductName,
    /// The description.
    pub description: Description,
    /// The category.
    pub category: Category,
    /// The price of one piece.
    pub price: Money,
    /// The stock level, from the last applied stock event.
    pub availability: StockLevel,
    /// The sequence of that stock event; 0 before the first one.
    pub stock_sequence: u64,
    /// When the product was created.
    pub created_at: Timestamp,
    /// When the product was archived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<Timestamp>,
    /// How often the product was changed in a way that clients can see.
    pub version: u64,
}

/// Changes of a product. Absent fields stay unchanged.
#[derive(Debug, Default)]
pub struct Changes {
    /// The new name.
    pub name: Option<ProductName>,
    /// The new description.
    pub description: Option<Description>,
    /// The new category.
    pub category: Option<Category>,
    /// The new price in minor units. Without a currency, the currency stays unchanged.
    pub price: Option<(i64, Option<Currency>)>,
}

impl Product {
    /// Returns the product with `changes`, or nothing if they change nothing.
    pub fn changed(&self, changes: &Changes) -> Option<Self> {
        let mut product = self.clone();
        product.name = changes.name.clone().unwrap_or(product.name);
        product.description = changes.description.clone().unwrap_or(product.description);
        product.category = changes.category.clone().unwrap_or(product.category);
        if let Some((minor, currency)) = changes.price {
            product.price = Money::from_minor(minor, currency.unwrap_or(product.price.currency()));
        }
        (product != *self).then(|| Self { version: self.version + 1, ..product })
    }

    /// Returns the product as archived.
    pub fn archived(&self, now: Timestamp) -> Self {
        Self { archived_at: Some(now), version: self.version + 1, ..self.clone() }
    }

    /// Returns the product with the stock level of the stock event with this `sequence`. Returns nothing if a later
    /// event was applied or the product is archived.
    ///
    /// If the level is the same, the sequence is recorded, so that earlier events that come later are ignored, but the
    /// version stays.
    pub fn with_availability(&self, availability: StockLevel, sequence: u64) -> Option<Self> {
        let is_newer = self.archived_at.is_none() && sequence > self.stock_sequence;
        let version = self.version + u64::from(availability != self.availability);
        is_newer.then(|| Self { availability, stock_sequence: sequence, version, ..self.clone() })
    }

    /// Returns the strong entity tag of this state (RFC 9110).
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.version)
    }
}

/// The order of a list of products.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[schemars(rename = "ProductSort")]
pub enum Sort {
    /// By name, regardless of case.
    #[default]
    #[serde(rename = "name")]
    Name,
    /// Lowest price first. Amounts are compared as numbers, regardless of the currency.
    #[serde(rename = "price")]
    Cheapest,
    /// Highest price first.
    #[serde(rename = "-price")]
    Dearest,
    /// Newest first.
    #[serde(rename = "newest")]
    Newest,
}

impl FromStr for Sort {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "name" => Ok(Self::Name),
            "price" => Ok(Self::Cheapest),
            "-price" => Ok(Self::Dearest),
            "newest" => Ok(Self::Newest),
            _ => Err(Invalid::new("unknown_sort", "must be one of name, price, -price, newest")),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn mug() -> Product {
        Product {
            id: ProductId::new(),
            name: "Mug".parse().unwrap(),
            description: Description::default(),
            category: "Kitchen".parse().unwrap(),
            price: Money::from_minor(1250, Currency::Usd),
            availability: StockLevel::SoldOut,
            stock_sequence: 0,
            created_at: Timestamp::from_millis(1_767_323_045_600),
            archived_at: None,
            version: 1,
        }
    }

    #[test]
    fn stock_events_apply_in_the_order_of_their_sequences() {
        let low = mug().with_availability(StockLevel::Low, 5).unwrap();
        assert_eq!((low.availability, low.stock_sequence, low.version), (StockLevel::Low, 5, 2));
        assert_eq!(low.with_availability(StockLevel::InStock, 4), None);
        assert_eq!(low.with_availability(StockLevel::Low, 5), None);
        let still_low = low.with_availability(StockLevel::Low, 9).unwrap();
        assert_eq!(still_low.etag(), low.etag());
        assert_eq!(still_low.with_availability(StockLevel::InStock, 7), None);
    }

    #[test]
    fn an_archived_product_ignores_stock_events() {
        let archived = mug().archived(Timestamp::from_millis(0));
        assert_eq!(archived.with_availability(StockLevel::InStock, 1), None);
    }

    #[test]
    fn a_sort_is_one_of_four() {
        for sort in [Sort::Name, Sort::Cheapest, Sort::Dearest, Sort::Newest] {
            let name = serde_json::to_value(sort).unwrap();
            assert_eq!(name.as_str().unwrap().parse(), Ok(sort));
        }
        for other in ["", "Name", "-name", "price,name", "oldest"] {
            assert!(other.parse::<Sort>().is_err(), "{other:?}");
        }
    }
}
