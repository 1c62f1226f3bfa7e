//! Prices. They come from the catalog; a price that the caller states is only compared.

use std::collections::HashMap;

use contracts::OrderLine;
use kernel::{Currency, Invalid, Money, MoneyError, ProductId, Quantity};
use serde::{Deserialize, Serialize};

/// The replica of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// The id of the product.
    pub product_id: ProductId,
    /// The name of the product.
    pub name: String,
    /// The price of one piece.
    pub price: Money,
    /// The sequence number of the last event.
    pub sequence: u64,
}

/// A line of an order, as the caller requests it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RequestedLine {
    /// The product.
    pub product_id: ProductId,
    /// The number of pieces.
    pub quantity: Quantity,
    /// The price of one piece that the caller expects.
    pub price: Option<StatedAmount>,
}

/// An amount that the caller states. It has no currency of its own and is compared in the currency of the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct StatedAmount(i64);

impl StatedAmount {
    /// Creates an amount of `minor` units (cents).
    pub const fn from_minor(minor: i64) -> Self {
        Self(minor)
    }

    const fn of(self, currency: Currency) -> Money {
        Money::from_minor(self.0, currency)
    }
}

/// Priced lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// The lines, with each product once.
    pub lines: Vec<OrderLine>,
    /// The total of all lines.
    pub total: Money,
}

/// Why requested lines cannot be priced. An error of one line has the index of the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PricingError {
    /// The product of the line is not sold.
    UnknownProduct(usize),
    /// The stated price of the line is not the catalog's.
    PriceDiffers(usize, Difference),
    /// The line and earlier lines with its product have too many pieces together.
    TooManyPieces(usize, Invalid),
    /// There are no lines.
    NoLines,
    /// The prices of all lines do not add up to one amount.
    NotOneAmount(MoneyError),
    /// The stated total is not that of the catalog's prices.
    TotalDiffers(Difference),
}

/// A stated amount that is not the catalog's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Difference {
    /// The stated amount.
    pub stated: Money,
    /// The amount at the catalog's prices.
    pub actual: Money,
}

/// Prices the `requested` lines with the catalog. Lines with the same product become one line.
///
/// # Errors
/// All errors: products that are not sold, a stated price or total that differs from the catalog's, two currencies, or
/// too many pieces of one product.
pub fn price(
    requested: &[RequestedLine],
    stated_total: Option<StatedAmount>,
    catalog: &HashMap<ProductId, Product>,
) -> Result<Quote, Vec<PricingError>> {
    let mut errors = Vec::new();
    let mut lines: Vec<OrderLine> = Vec::new();
    for (index, line) in requested.iter().enumerate() {
        let Some(product) = catalog.get(&line.product_id) else {
            errors.push(PricingError::UnknownProduct(index));
            continue;
        };
        let actual = product.price;
        if let Some(stated) = line.price.map(|price| price.of(actual.currency()))
            && stated != actual
        {
            errors.push(PricingError::PriceDiffers(index, Difference { stated, actual }));
        }
        match lines.iter_mut().find(|other| other.product_id == line.product_id) {
            Some(same) => match same.quantity.plus(line.quantity) {
                Ok(together) => same.quantity = together,
                Err(invalid) => errors.push(PricingError::TooManyPieces(index, invalid)),
            },
            None => lines.push(OrderLine {
                product_id: product.product_id,
                name: product.name.clone(),
                quantity: line.quantity,
                unit_price: actual,
            }),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let total = total(&lines).map_err(|error| vec![error])?;
    match stated_total.map(|stated| stated.of(total.currency())) {
        Some(stated) if stated != total => Err(vec![PricingError::TotalDiffers(Difference { stated, actual: total })]),
        _ => Ok(Quote { lines, total }),
    }
}

fn total(lines: &[OrderLine]) -> Result<Money, PricingError> {
    let mut amounts = lines.iter().map(|line| line.unit_price.times(line.quantity.get()));
    let first = amounts.next().ok_or(PricingError::NoLines)?.map_err(PricingError::NotOneAmount)?;
    amounts.try_fold(first, |sum, amount| sum.plus(amount?)).map_err(PricingError::NotOneAmount)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(name: &str, minor: i64, currency: Currency) -> Product {
        let price = Money::from_minor(minor, currency);
        Product { product_id: ProductId::derived("test", name), name: name.to_owned(), price, sequence: 1 }
    }

    fn catalog() -> HashMap<ProductId, Product> {
        [product("mug", 1_250, Currency::Usd), product("pen", 99, Currency::Usd), product("thé", 500, Currency::Eur)]
            .map(|product| (product.product_id, product))
            .into()
    }

    fn requested(name: &str, quantity: u32) -> RequestedLine {
        RequestedLine {
            product_id: ProductId::derived("test", name),
            quantity: Quantity::try_from(quantity).expect("a quantity"),
            price: None,
        }
    }

    fn amount(minor: i64) -> Option<StatedAmount> {
        Some(StatedAmount::from_minor(minor))
    }

    fn differs(stated: i64, actual: i64) -> Difference {
        let usd = |minor| Money::from_minor(minor, Currency::Usd);
        Difference { stated: usd(stated), actual: usd(actual) }
    }

    #[test]
    fn the_same_product_twice_is_one_line() {
        let quote = price(&[requested("mug", 1), requested("pen", 3), requested("mug", 2)], None, &catalog());
        let quote = quote.expect("a quote");
        assert_eq!(quote.lines.len(), 2);
        assert_eq!(quote.total, Money::from_minor(3 * 1_250 + 3 * 99, Currency::Usd));
    }

    #[test]
    fn a_stated_price_must_be_the_catalogs_and_the_error_has_both() {
        let mut line = requested("mug", 1);
        line.price = amount(1_200);
        let errors = price(&[line.clone()], None, &catalog()).expect_err("another price");
        assert_eq!(errors, [PricingError::PriceDiffers(0, differs(1_200, 1_250))]);
        line.price = amount(1_250);
        assert!(price(&[line], amount(1_250), &catalog()).is_ok());
        let errors = price(&[requested("mug", 2)], amount(1_250), &catalog()).expect_err("another total");
        assert_eq!(errors, [PricingError::TotalDiffers(differs(1_250, 2_500))]);
    }

    #[test]
    fn all_invalid_lines_are_reported() {
        let mut wrong_price = requested("pen", 1);
        wrong_price.price = amount(100);
        let many = requested("mug", 600);
        let lines = [requested("unicorn", 1), wrong_price, many.clone(), many.clone()];
        let errors = price(&lines, None, &catalog()).expect_err("three errors");
        let too_many = many.quantity.plus(many.quantity).expect_err("too many pieces");
        let expected = [
            PricingError::UnknownProduct(0),
            PricingError::PriceDiffers(1, differs(100, 99)),
            PricingError::TooManyPieces(3, too_many),
        ];
        assert_eq!(errors, expected);
    }

    #[test]
    fn an_order_has_one_currency() {
        let errors = price(&[requested("mug", 1), requested("thé", 1)], None, &catalog()).expect_err("two");
        assert_eq!(errors, [PricingError::NotOneAmount(MoneyError::CurrencyMismatch)]);
    }
}
