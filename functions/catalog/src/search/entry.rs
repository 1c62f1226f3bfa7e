//! The index entry of a product, and the changes of the index that a new state of the product requires.

use std::collections::{BTreeMap, BTreeSet};

use kernel::ProductId;
use serde::{Deserialize, Serialize};

use crate::{
    domain::Product,
    search::{
        postings::{Posting, block_of},
        terms::{Terms, terms_of},
    },
};

/// The index entry of a product. It is written after the postings, so that all of its terms have postings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The version of the product.
    pub version: u64,
    /// The terms of the product's postings.
    pub terms: Terms,
}

/// A pending update of the index to the state of a product.
#[derive(Debug)]
pub struct IndexUpdate {
    product: Product,
    /// Terms whose postings were set although another writer wrote the entry.
    touched: BTreeSet<String>,
    /// The version of that writer's entry, once the postings were set to it.
    reconciled: Option<u64>,
}

/// The next step of an update.
#[derive(Debug, PartialEq, Eq)]
pub enum Plan {
    /// Nothing is left to do.
    Done,
    /// Set these postings (0 removes one), then write the entry, if there is one.
    Change(Terms, Option<Entry>),
}

impl IndexUpdate {
    /// Returns the update to the state of `product`.
    pub fn of(product: Product) -> Self {
        Self { product, touched: BTreeSet::new(), reconciled: None }
    }

    /// Returns the id of the product.
    pub fn product(&self) -> ProductId {
        self.product.id
    }

    /// Returns the next step, given the `entry` in the index.
    pub fn plan(&self, entry: Option<&Entry>) -> Plan {
        let none = Terms::new();
        let indexed = entry.map_or(&none, |entry| &entry.terms);
        if let Some(entry) = entry.filter(|entry| entry.version >= self.product.version) {
            if self.touched.is_empty() || self.reconciled == Some(entry.version) {
                return Plan::Done;
            }
            return Plan::Change(changes(self.touched.iter(), indexed), None);
        }
        let wanted = terms_of(&self.product);
        let differ = indexed.keys().chain(wanted.keys()).filter(|term| indexed.get(*term) != wanted.get(*term));
        let changes = changes(differ.chain(&self.touched), &wanted);
        Plan::Change(changes, Some(Entry { version: self.product.version, terms: wanted }))
    }

    /// Records that postings were set but the entry was not written, so that they are compared with the other writer's
    /// entry.
    pub fn superseded(&mut self, changes: &Terms, reconciled: Option<u64>) {
        self.touched.extend(changes.keys().cloned());
        self.reconciled = reconciled;
    }
}

fn changes<'a>(terms: impl Iterator<Item = &'a String>, wanted: &Terms) -> Terms {
    terms.map(|term| (term.clone(), wanted.get(term).copied().unwrap_or(0))).collect()
}

/// Groups the changes of many products by block.
pub fn by_block<'a>(changes: impl Iterator<Item = (ProductId, &'a Terms)>) -> BTreeMap<(&'a str, u8), Vec<Posting>> {
    let mut blocks: BTreeMap<(&str, u8), Vec<Posting>> = BTreeMap::new();
    for (product, terms) in changes {
        for (term, impact) in terms {
            blocks.entry((term, block_of(product))).or_default().push(Posting { product, impact: *impact });
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use kernel::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::search::{memory::MemoryIndex, terms::tests::product};

    const NAMES: [&str; 6] = ["Oak Table", "Oak Bench", "Tables", "Mug", "A mug for tea", "Teapot"];

    /// The states of a few products, in order.
    fn history() -> impl Strategy<Value = Vec<Product>> {
        let state = (0..3_u64, 0..NAMES.len(), 0..NAMES.len(), prop::bool::weighted(0.1));
        prop::collection::vec(state, 0..20).prop_map(|states| {
            let states = states.into_iter().zip(1..);
            let state = |((id, name, description, archived), version): ((u64, usize, usize, bool), u64)| {
                let product = product(id, version, NAMES[name], "Kitchen", NAMES[description]);
                if archived { Product { archived_at: Some(Timestamp::from_millis(1)), ..product } } else { product }
            };
            states.map(state).collect()
        })
    }

    proptest! {
        #[test]
        fn updates_in_any_order_and_twice_give_the_same_index_as_a_rebuild(
            (history, received) in history().prop_flat_map(|history| {
                let twice: Vec<Product> = history.iter().chain(&history).cloned().collect();
                (Just(history), Just(twice).prop_shuffle())
            }),
            batch in 1..5_usize,
        ) {
            let mut updated = MemoryIndex::default();
            received.chunks(batch).for_each(|products| updated.index(products));
            let mut latest: BTreeMap<ProductId, Product> = BTreeMap::new();
            history.into_iter().for_each(|product| drop(latest.insert(product.id, product)));
            let mut rebuilt = MemoryIndex::default();
            rebuilt.index(&latest.into_values().collect::<Vec<_>>());
            prop_assert_eq!(updated.postings(), rebuilt.postings());
            prop_assert_eq!(updated.products(), rebuilt.products());
        }

        /// A writer that has set the postings of an older or a newer state finds that another writer was faster.
        #[test]
        fn a_superseded_writer_corrects_its_postings(
            old in 0..NAMES.len(),
            new in 0..NAMES.len(),
            newer_first in any::<bool>(),
        ) {
            let (old, new) = (product(1, 1, NAMES[old], "Kitchen", ""), product(1, 2, NAMES[new], "Kitchen", ""));
            let mut rebuilt = MemoryIndex::default();
            rebuilt.index(std::slice::from_ref(&new));

            let (first, second) = if newer_first { (&new, &old) } else { (&old, &new) };
            let mut memory = MemoryIndex::default();
            let mut slow = IndexUpdate::of(second.clone());
            let Plan::Change(set, Some(_)) = slow.plan(None) else { panic!("there is no entry yet") };
            memory.index(std::slice::from_ref(first));
            memory.set(second.id, &set);
            slow.superseded(&set, None);
            memory.complete(slow);
            prop_assert_eq!(memory.postings(), rebuilt.postings());
        }
    }

    #[test]
    fn a_change_outside_the_text_only_changes_the_entry() {
        let mug = product(1, 1, "Mug", "Kitchen", "");
        let entry = Entry { version: 1, terms: terms_of(&mug) };
        let dearer = IndexUpdate::of(Product { version: 2, ..mug.clone() });
        assert_eq!(dearer.plan(Some(&entry)), Plan::Change(Terms::new(), Some(Entry { version: 2, ..entry.clone() })));
        assert_eq!(IndexUpdate::of(mug).plan(Some(&entry)), Plan::Done);
    }
}
