//! What the index holds of a product, and what has to change where the product is another by now.

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

/// What the index holds of a product: written after its postings, so that these are at least what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Of the product.
    pub version: u64,
    /// Where it has postings.
    pub terms: Terms,
}

/// A product that is taken into the index.
#[derive(Debug)]
pub struct Work {
    product: Product,
    /// Terms whose postings were set, when another writer was faster with the entry.
    touched: BTreeSet<String>,
    /// The version of that writer's entry, after the postings were set as it says.
    settled: Option<u64>,
}

/// What is to be done for a product.
#[derive(Debug, PartialEq, Eq)]
pub enum Plan {
    /// Nothing.
    Done,
    /// Its postings are to be set, 0 for none, and then its entry is to be written, if there is one.
    Change(Terms, Option<Entry>),
}

impl Work {
    /// `product` is to be found as it is.
    pub fn of(product: Product) -> Self {
        Self { product, touched: BTreeSet::new(), settled: None }
    }

    /// Which product.
    pub fn product(&self) -> ProductId {
        self.product.id
    }

    /// What is to be done, where the index has this `entry` of the product.
    pub fn plan(&self, entry: Option<&Entry>) -> Plan {
        let none = Terms::new();
        let held = entry.map_or(&none, |entry| &entry.terms);
        if let Some(entry) = entry.filter(|entry| entry.version >= self.product.version) {
            if self.touched.is_empty() || self.settled == Some(entry.version) {
                return Plan::Done;
            }
            return Plan::Change(changes(self.touched.iter(), held), None);
        }
        let wanted = terms_of(&self.product);
        let differ = held.keys().chain(wanted.keys()).filter(|term| held.get(*term) != wanted.get(*term));
        let changes = changes(differ.chain(&self.touched), &wanted);
        Plan::Change(changes, Some(Entry { version: self.product.version, terms: wanted }))
    }

    /// Postings were set, and the entry was found to be another by then: that one is to be held against them.
    pub fn overtaken(&mut self, changes: &Terms, settled: Option<u64>) {
        self.touched.extend(changes.keys().cloned());
        self.settled = settled;
    }
}

fn changes<'a>(terms: impl Iterator<Item = &'a String>, wanted: &Terms) -> Terms {
    terms.map(|term| (term.clone(), wanted.get(term).copied().unwrap_or(0))).collect()
}

/// The changes of many products, by the block that they are in.
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
    use crate::search::{memory::Memory, terms::tests::product};

    const NAMES: [&str; 6] = ["Oak Table", "Oak Bench", "Tables", "Mug", "A mug for tea", "Teapot"];

    /// The states that a few products go through.
    fn history() -> impl Strategy<Value = Vec<Product>> {
        let state = (0..3_u64, 0..NAMES.len(), 0..NAMES.len(), prop::bool::weighted(0.1));
        prop::collection::vec(state, 0..20).prop_map(|states| {
            let states = states.into_iter().zip(1..);
            let state = |((id, name, said, gone), version): ((u64, usize, usize, bool), u64)| {
                let product = product(id, version, NAMES[name], "Kitchen", NAMES[said]);
                if gone { Product { archived_at: Some(Timestamp::from_millis(1)), ..product } } else { product }
            };
            states.map(state).collect()
        })
    }

    proptest! {
        #[test]
        fn in_any_order_and_twice_it_ends_as_if_built_anew(
            (history, heard) in history().prop_flat_map(|history| {
                let twice: Vec<Product> = history.iter().chain(&history).cloned().collect();
                (Just(history), Just(twice).prop_shuffle())
            }),
            batch in 1..5_usize,
        ) {
            let mut followed = Memory::default();
            heard.chunks(batch).for_each(|products| followed.index(products));
            let mut latest: BTreeMap<ProductId, Product> = BTreeMap::new();
            history.into_iter().for_each(|product| drop(latest.insert(product.id, product)));
            let mut built = Memory::default();
            built.index(&latest.into_values().collect::<Vec<_>>());
            prop_assert_eq!(followed.postings(), built.postings());
            prop_assert_eq!(followed.products(), built.products());
        }

        /// One writer has set postings of an older state, or of a newer one, when it finds that another was faster.
        #[test]
        fn who_is_overtaken_puts_right_what_it_did(old in 0..NAMES.len(), new in 0..NAMES.len(), newer_first in any::<bool>()) {
            let (old, new) = (product(1, 1, NAMES[old], "Kitchen", ""), product(1, 2, NAMES[new], "Kitchen", ""));
            let mut built = Memory::default();
            built.index(std::slice::from_ref(&new));

            let (first, second) = if newer_first { (&new, &old) } else { (&old, &new) };
            let mut memory = Memory::default();
            let mut slow = Work::of(second.clone());
            let Plan::Change(set, Some(_)) = slow.plan(None) else { panic!("there is no entry yet") };
            memory.index(std::slice::from_ref(first));
            memory.set(second.id, &set);
            slow.overtaken(&set, None);
            memory.finish(slow);
            prop_assert_eq!(memory.postings(), built.postings());
        }
    }

    #[test]
    fn what_is_not_in_the_text_changes_the_entry_alone() {
        let mug = product(1, 1, "Mug", "Kitchen", "");
        let entry = Entry { version: 1, terms: terms_of(&mug) };
        let dearer = Work::of(Product { version: 2, ..mug.clone() });
        assert_eq!(dearer.plan(Some(&entry)), Plan::Change(Terms::new(), Some(Entry { version: 2, ..entry.clone() })));
        assert_eq!(Work::of(mug).plan(Some(&entry)), Plan::Done);
    }
}
