//! Quantities of products.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::Invalid;

/// The number of pieces of one product in an order, from 1 to 1,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Quantity(u32);

impl Quantity {
    /// The largest quantity of one product in one order.
    pub const MAX: u32 = 1_000;

    /// Returns the number of pieces.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// Adds two quantities.
    ///
    /// # Errors
    /// If the sum is larger than [`Self::MAX`].
    pub fn plus(self, other: Self) -> Result<Self, Invalid> {
        let too_many = |_| Invalid::new("too_many_together", "must not exceed 1000 in total for one product");
        Self::try_from(self.0 + other.0).map_err(too_many)
    }
}

impl TryFrom<u32> for Quantity {
    type Error = Invalid;

    fn try_from(pieces: u32) -> Result<Self, Invalid> {
        if (1..=Self::MAX).contains(&pieces) {
            Ok(Self(pieces))
        } else {
            Err(Invalid::new("out_of_range", "must be from 1 to 1000"))
        }
    }
}

impl From<Quantity> for u32 {
    fn from(quantity: Quantity) -> Self {
        quantity.0
    }
}

impl JsonSchema for Quantity {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Quantity".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 1, "maximum": Self::MAX })
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
