//! Counters that are raised in the transaction of what they count.
//!
//! DynamoDB lets one transaction at a time have an item, so the counters are spread over as many items as a byte has values, by the
//! id of what is counted. A transaction writes one of them, which is 2 write units.

use std::collections::BTreeMap;

use crate::{Key, StoreError, Table, Write, number};

fn key(shard: u8) -> Key {
    Key::new(format!("STATS#{shard:02x}"), "STATS")
}

/// Adds to the counters, by name, beside the thing of that id; nothing, if there is nothing to add.
///
/// A name is letters and underscores.
pub fn count(id: impl AsRef<[u8]>, adds: impl IntoIterator<Item = (String, i64)>) -> Option<Write> {
    let (mut terms, mut values) = (Vec::new(), Vec::new());
    for (name, by) in adds {
        terms.push(format!("#{name} :{name}"));
        values.push(number(&format!(":{name}"), by));
    }
    // The last bytes of an id are random; the first are its time.
    let shard = id.as_ref().last().copied().unwrap_or_default();
    (!terms.is_empty()).then(|| Write::update(key(shard), format!("ADD {}", terms.join(", "))).with(values))
}

impl Table {
    /// All counters of this table, by name; one that is missing was never raised.
    ///
    /// # Errors
    /// When the table does not answer.
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
