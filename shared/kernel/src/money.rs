//! Money, as integer minor units and a currency. In JSON it is a decimal string. Floats are never used.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Invalid;

/// An amount in minor units (cents) of one currency.
///
/// The API has the decimal string of [`Money::to_decimal`] next to a `currency` field. Events and items have
/// `{"amount": "1299.99", "currency": "USD"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

/// An ISO 4217 currency with two decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs)] // the names are the ISO codes
pub enum Currency {
    Usd,
    Eur,
    Gbp,
}

impl Currency {
    /// All currencies.
    pub const ALL: [Self; 3] = [Self::Usd, Self::Eur, Self::Gbp];
}

/// Why a calculation with money failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The amounts have different currencies.
    #[error("amounts in different currencies cannot be added")]
    CurrencyMismatch,
    /// The result does not fit into 64 bits of minor units.
    #[error("the amount is too large")]
    Overflow,
}

impl Money {
    /// Creates an amount of `minor` units (cents).
    pub const fn from_minor(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Returns the amount zero in `currency`.
    pub const fn zero(currency: Currency) -> Self {
        Self::from_minor(0, currency)
    }

    /// Returns the amount in minor units (cents).
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// Returns the currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Parses a decimal string such as `"1299.99"`, `"1299.9"` or `"1299"`. It has at most two decimals, and may have a
    /// leading minus, but no other sign, no exponent and no leading zeros.
    pub fn parse(decimal: &str, currency: Currency) -> Result<Self, Invalid> {
        let invalid =
            || Invalid::new("not_an_amount", "must be an amount with at most two decimals, such as \"1299.99\"");
        let (negative, digits) = match decimal.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, decimal),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let all_digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        let leading_zero = whole.len() > 1 && whole.starts_with('0');
        if !all_digits(whole) || leading_zero || !all_digits(fraction) || fraction.len() > 2 {
            return Err(invalid());
        }
        let cents: i64 = format!("{fraction:0<2}").parse().map_err(|_| invalid())?;
        let minor = whole
            .parse::<i64>()
            .ok()
            .and_then(|w| w.checked_mul(100))
            .and_then(|w| w.checked_add(cents))
            .ok_or_else(|| Invalid::new("out_of_range", "is too large"))?;
        Ok(Self::from_minor(if negative { -minor } else { minor }, currency))
    }

    /// Returns the decimal string, always with two decimals: `"1299.99"`.
    pub fn to_decimal(self) -> String {
        let sign = if self.minor < 0 { "-" } else { "" };
        let absolute = self.minor.unsigned_abs();
        format!("{sign}{}.{:02}", absolute / 100, absolute % 100)
    }

    /// Adds two amounts of the same currency.
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::CurrencyMismatch);
        }
        let minor = self.minor.checked_add(other.minor).ok_or(MoneyError::Overflow)?;
        Ok(Self { minor, ..self })
    }

    /// Multiplies the amount by `times`.
    pub fn times(self, times: u32) -> Result<Self, MoneyError> {
        let minor = self.minor.checked_mul(i64::from(times)).ok_or(MoneyError::Overflow)?;
        Ok(Self { minor, ..self })
    }
}

/// Returns the JSON Schema of the string of [`Money::to_decimal`], for `#[schemars(schema_with = "…")]`.
pub fn decimal_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": r"^-?(?:0|[1-9][0-9]*)\.[0-9]{2}$" })
}

impl fmt::Display for Money {
    /// Writes `1299.99 USD`, for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.to_decimal(), self.currency)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Usd => "USD",
            Self::Eur => "EUR",
            Self::Gbp => "GBP",
        })
    }
}

impl FromStr for Currency {
    type Err = Invalid;

    fn from_str(code: &str) -> Result<Self, Invalid> {
        match code {
            "USD" => Ok(Self::Usd),
            "EUR" => Ok(Self::Eur),
            "GBP" => Ok(Self::Gbp),
            _ => Err(Invalid::new("unknown_currency", "must be one of USD, EUR, GBP")),
        }
    }
}

// The JSON form of `Money`. A doc comment would become a part of the schema.
#[derive(Serialize, Deserialize, JsonSchema)]
struct MoneyObject {
    #[schemars(schema_with = "decimal_schema")]
    amount: String,
    currency: Currency,
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        MoneyObject { amount: self.to_decimal(), currency: self.currency }.serialize(serializer)
    }
}

impl JsonSchema for Money {
    fn schema_name() -> Cow<'static, str> {
        "Money".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        MoneyObject::json_schema(generator)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = MoneyObject::deserialize(deserializer)?;
        Self::parse(&object.amount, object.currency).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn usd(decimal: &str) -> Result<Money, Invalid> {
        Money::parse(decimal, Currency::Usd)
    }

    #[test]
    fn parses_up_to_two_decimals() {
        for (text, minor) in [("1299.99", 129_999), ("0.5", 50), ("7", 700), ("-1.05", -105), ("0", 0)] {
            assert_eq!(usd(text).map(Money::minor), Ok(minor), "{text}");
        }
    }

    #[test]
    fn rejects_invalid_amounts() {
        for text in
            ["", ".", "1.", ".5", "1.999", "1e3", "+1", "1,00", "NaN", "--1", " 1", "01", "99999999999999999999"]
        {
            assert!(usd(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn currencies_do_not_mix() {
        let euro = Money::from_minor(1, Currency::Eur);
        assert_eq!(Money::zero(Currency::Usd).plus(euro), Err(MoneyError::CurrencyMismatch));
    }

    #[test]
    fn an_overflow_is_an_error() {
        let largest = Money::from_minor(i64::MAX, Currency::Usd);
        assert_eq!(largest.times(2), Err(MoneyError::Overflow));
        assert_eq!(largest.plus(Money::from_minor(1, Currency::Usd)), Err(MoneyError::Overflow));
    }

    proptest! {
        #[test]
        fn a_decimal_string_parses_to_the_same_amount(minor in -1_000_000_000_000_i64..1_000_000_000_000) {
            let money = Money::from_minor(minor, Currency::Usd);
            prop_assert_eq!(usd(&money.to_decimal()), Ok(money));
        }

        #[test]
        fn any_text_is_parsed_or_rejected(text in ".*") {
            let _ = usd(&text);
        }
    }
}
