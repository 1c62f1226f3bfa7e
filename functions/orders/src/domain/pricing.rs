//! Prices. They come from the catalog; a price that the caller states is only compared.

use std::collections::HashMap;

use contracts::OrderLine;
use kernel::{Invalid, Money, ProductId, Quantity};
use lambda::{input::Amount, problem::FieldError};
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
    /// The path of this line in the request, such as `items[0]`; empty for the form with a single product.
    #[serde(skip)]
    pub field: String,
    /// The product.
    pub product_id: ProductId,
    /// The number of pieces.
    pub quantity: Quantity,
    /// The price of one piece that the caller expects.
    pub price: Option<Amount>,
}

/// Priced lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// The lines, with each product once.
    pub lines: Vec<OrderLine>,
    /// The total of all lines.
    pub total: Money,
}

/// Prices the `requested` lines with the catalog. Lines with the same product become one line.
///
/// # Errors
/// One error for each invalid field: a product that is not sold, a stated price or total that differs from the
/// catalog's, two currencies, or too many pieces of one product.
pub fn price(
    requested: &[RequestedLine],
    stated_total: Option<Amount>,
    catalog: &HashMap<ProductId, Product>,
) -> Result<Quote, Vec<FieldError>> {
    let mut errors = Vec::new();
    let mut lines: Vec<OrderLine> = Vec::new();
    for line in requested {
        let field = |name: &str| {
            if line.field.is_empty() { name.to_owned() } else { format!("{}.{name}", line.field) }
        };
        let Some(product) = catalog.get(&line.product_id) else {
            let unknown = Invalid::new("unknown_product", "is not a product of this shop");
            errors.push(FieldError::new(field("product_id"), unknown));
            continue;
        };
        if let Some(stated) = line.price.map(|price| price.of(product.price.currency()))
            && stated != product.price
        {
            errors.push(FieldError::new(field("price"), differs(stated, product.price)));
        }
        match lines.iter_mut().find(|other| other.product_id == line.product_id) {
            Some(same) => match same.quantity.plus(line.quantity) {
                Ok(together) => same.quantity = together,
                Err(invalid) => errors.push(FieldError::new(field("quantity"), invalid)),
            },
            None => lines.push(OrderLine {
                product_id: product.product_id,
                name: product.name.clone(),
                quantity: line.quantity,
                unit_price: product.price,
            }),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let total = total(&lines).map_err(|invalid| vec![FieldError::new("items", invalid)])?;
    match stated_total.map(|stated| stated.of(total.currency())) {
        Some(stated) if stated != total => Err(vec![FieldError::new("total_price", differs(stated, total))]),
        _ => Ok(Quote { lines, total }),
    }
}

fn total(lines: &[OrderLine]) -> Result<Money, Invalid> {
    let refused = |error: kernel::MoneyError| Invalid::new("not_one_amount", error.to_string());
    let mut amounts = lines.iter().map(|line| line.unit_price.times(line.quantity.get()).map_err(refused));
    let first = amounts.next().unwrap_or_else(|| Err(Invalid::new("required", "is required")))?;
    amounts.try_fold(first, |sum, amount| sum.plus(amount?).map_err(refused))
}

fn differs(stated: Money, actual: Money) -> Invalid {
    let message = format!("is {} at the catalog's prices, not {}", actual.to_decimal(), stated.to_decimal());
    Invalid::new("price_differs", message)
}

#[cfg(test)]
mod tests {
    use kernel::Currency;
    use lambda::input::Field;
    use serde_json::json;

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

    fn requested(index: usize, name: &str, quantity: u32) -> RequestedLine {
        RequestedLine {
            field: format!("items[{index}]"),
            product_id: ProductId::derived("test", name),
            quantity: Quantity::try_from(quantity).expect("a quantity"),
            price: None,
        }
    }

    fn amount(decimal: &str) -> Option<Amount> {
        Some(Amount::read(&json!(decimal)).expect("an amount"))
    }

    fn codes(errors: Vec<FieldError>) -> Vec<(String, &'static str)> {
        errors.into_iter().map(|error| (error.field, error.code)).collect()
    }

    #[test]
    fn the_same_product_twice_is_one_line() {
        let quote = price(&[requested(0, "mug", 1), requested(1, "pen", 3), requested(2, "mug", 2)], None, &catalog());
        let quote = quote.expect("a quote");
        assert_eq!(quote.lines.len(), 2);
        assert_eq!(quote.total, Money::from_minor(3 * 1_250 + 3 * 99, Currency::Usd));
    }

    #[test]
    fn a_stated_price_must_be_the_catalogs_and_the_error_has_both() {
        let mut line = requested(0, "mug", 1);
        line.price = amount("12.00");
        let errors = price(&[line.clone()], None, &catalog()).expect_err("another price");
        assert_eq!(errors[0].message, "is 12.50 at the catalog's prices, not 12.00");
        line.price = amount("12.5");
        assert!(price(&[line], amount("12.50"), &catalog()).is_ok());
        let errors = price(&[requested(0, "mug", 2)], amount("12.50"), &catalog()).expect_err("another total");
        assert_eq!(codes(errors), [("total_price".to_owned(), "price_differs")]);
    }

    #[test]
    fn all_invalid_fields_are_reported() {
        let mut wrong_price = requested(1, "pen", 1);
        wrong_price.price = amount("1");
        let lines = [requested(0, "unicorn", 1), wrong_price, requested(2, "mug", 600), requested(3, "mug", 600)];
        let errors = codes(price(&lines, None, &catalog()).expect_err("three errors"));
        let named = [
            ("items[0].product_id", "unknown_product"),
            ("items[1].price", "price_differs"),
            ("items[3].quantity", "too_many_together"),
        ];
        assert_eq!(errors, named.map(|(field, code)| (field.to_owned(), code)));
    }

    #[test]
    fn an_order_has_one_currency() {
        let errors =
            codes(price(&[requested(0, "mug", 1), requested(1, "thé", 1)], None, &catalog()).expect_err("two"));
        assert_eq!(errors, [("items".to_owned(), "not_one_amount")]);
    }
}
