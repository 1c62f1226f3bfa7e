//! Counters that are incremented in the transaction of what they count.
//!
//! Two transactions that write the same DynamoDB item at the same time conflict. The counters are therefore spread over
//! 256 items, by the last byte of the id of what is counted. A transaction writes one of them, which costs 2 write
//! units.

use std::collections::BTreeMap;

use crate::{Key, StoreError, Table, Write, number};

fn key(shard: u8) -> Key {
    Key::new(format!("STATS#{shard:02x}"), "STATS")
}

/// Returns the write that adds to the named counters for the entity `id`, or `None` if there is nothing to add.
///
/// A name may have only letters and underscores.
pub fn count(id: impl AsRef<[u8]>, increments: impl IntoIterator<Item = (String, i64)>) -> Option<Write> {
    let (mut terms, mut values) = (Vec::new(), Vec::new());
    for (name, by) in increments {
        terms.push(format!("#{name} :{name}"));
        values.push(number(&format!(":{name}"), by));
    }
    // The last bytes of an id are random, the first ones are its time.
    let shard = id.as_ref().last().copied().unwrap_or_default();
    (!terms.is_empty()).then(|| Write::update(key(shard), format!("ADD {}", terms.join(", "))).with(values))
}

impl Table {
    /// Returns all counters of this table by name. A counter that was never incremented is missing.
    ///
    /// # Errors
    /// If the table does not respond.
    pub async fn counters(&self) -> Result<BTreeMap<String, i64>, StoreError> {
        let keys: Vec<Key> = (0..=u8::MAX).map(key).collect();
        let mut sums = BTreeMap::new();
        for shard in self.get_many(&keys).await?.into_values() {
            for (name, value) in shard {
                if let Some(value) = value.as_n().ok().and_then(|value| value.parse::<i64>().ok()) {
                    *sums.entry(name).or_default() += value;
                }
            }
        }
        Ok(sums)
    }
}
