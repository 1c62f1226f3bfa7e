//! Values in the examples of responses.

use serde_json::{Value, json};

/// Returns an amount in dollars, as the only one of a list by currency.
pub(super) fn usd(amount: &str) -> Value {
    json!([{ "currency": "USD", "amount": amount }])
}
