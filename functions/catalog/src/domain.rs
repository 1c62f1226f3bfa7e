//! What a product is, and how products are listed.

use std::str::FromStr;

use contracts::StockLevel;
use kernel::{Currency, Invalid, Money, ProductId, Text, Timestamp};
use lambda::input::Amount;
use schemars::JsonSchema;
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
    /// How well it is stocked, as inventory last told.
    pub availability: StockLevel,
    /// The place of that news among those of its stock; 0 before the first.
    pub stock_sequence: u64,
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

    /// The product, stocked as the `sequence`th news of its stock tells; nothing if it has heard newer, or is not sold any more.
    ///
    /// The same level once more is remembered, so that older news which come after it do not count, but changes nothing to be seen.
    pub fn stocked(&self, availability: StockLevel, sequence: u64) -> Option<Self> {
        let is_news = self.archived_at.is_none() && sequence > self.stock_sequence;
        let version = self.version + u64::from(availability != self.availability);
        is_news.then(|| Self { availability, stock_sequence: sequence, version, ..self.clone() })
    }

    /// What tells this state of it from all others (RFC 9110: a strong entity tag).
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.version)
    }
}

/// How a list of products is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[schemars(rename = "ProductSort")]
pub enum Sort {
    /// By name, without regard to case.
    #[default]
    #[serde(rename = "name")]
    Name,
    /// The cheapest first; amounts are compared as numbers, whatever their currency.
    #[serde(rename = "price")]
    Cheapest,
    /// The dearest first.
    #[serde(rename = "-price")]
    Dearest,
    /// The newest first.
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
    fn news_of_stock_count_in_their_own_order() {
        let low = mug().stocked(StockLevel::Low, 5).unwrap();
        assert_eq!((low.availability, low.stock_sequence, low.version), (StockLevel::Low, 5, 2));
        assert_eq!(low.stocked(StockLevel::InStock, 4), None);
        assert_eq!(low.stocked(StockLevel::Low, 5), None);
        let still_low = low.stocked(StockLevel::Low, 9).unwrap();
        assert_eq!(still_low.etag(), low.etag());
        assert_eq!(still_low.stocked(StockLevel::InStock, 7), None);
    }

    #[test]
    fn an_archived_product_hears_nothing_of_its_stock() {
        let archived = mug().archived(Timestamp::from_millis(0));
        assert_eq!(archived.stocked(StockLevel::InStock, 1), None);
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
