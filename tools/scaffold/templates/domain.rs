//! Defines @{a_item}. The code is pure: no clock, no table, no network.

use kernel::{@{Item}Id, Timestamp};
use serde::{Deserialize, Serialize};

/// @{A_item}.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct @{Item} {
    /// The id of the @{item}.
    pub id: @{Item}Id,
    /// The time of creation.
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_it_was_written() {
        let @{item} = @{Item} { id: @{Item}Id::new(), created_at: Timestamp::from_millis(1_795_242_631_000) };
        let written = serde_json::to_value(&@{item}).expect("JSON");
        assert_eq!(serde_json::from_value::<@{Item}>(written).expect("one"), @{item});
    }
}
