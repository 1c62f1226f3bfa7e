//! @{A_item} in the responses of the API.

use kernel::{@{Item}Id, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::domain::@{Item};

/// @{A_item}.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "@{Item}")]
pub(super) struct @{Item}Response {
    id: @{Item}Id,
    created_at: Timestamp,
}

impl From<&@{Item}> for @{Item}Response {
    fn from(@{item}: &@{Item}) -> Self {
        Self { id: @{item}.id, created_at: @{item}.created_at }
    }
}

/// Returns the example in the OpenAPI document.
pub(super) fn example() -> Value {
    json!({ "id": "@{uuid}", "created_at": "2026-11-21T06:30:31.000Z" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_one() {
        let one: @{Item} = serde_json::from_value(example()).expect("one");
        assert_eq!(serde_json::to_value(@{Item}Response::from(&one)).expect("JSON"), example());
    }
}
