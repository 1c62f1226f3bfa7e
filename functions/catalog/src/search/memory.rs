//! An index in memory, which unit tests read and write in the same steps as the table.

use std::collections::{BTreeMap, BTreeSet};

use kernel::ProductId;

use crate::{
    domain::Product,
    search::{
        edits::buckets_of,
        entry::{Entry, IndexUpdate, Plan, by_block},
        postings::{BLOCKS, Block, Posting},
        query::Query,
        ranking::Ranked,
        terms::Terms,
    },
};

#[derive(Debug, Default)]
pub(crate) struct MemoryIndex {
    blocks: BTreeMap<(String, u8), Block>,
    buckets: BTreeMap<String, BTreeSet<String>>,
    entries: BTreeMap<ProductId, Entry>,
}

impl MemoryIndex {
    pub(crate) fn index(&mut self, products: &[Product]) {
        products.iter().for_each(|product| self.complete(IndexUpdate::of(product.clone())));
    }

    pub(crate) fn complete(&mut self, mut update: IndexUpdate) {
        let id = update.product();
        while let Plan::Change(changes, entry) = update.plan(self.entries.get(&id)) {
            self.set(id, &changes);
            match entry {
                Some(entry) => drop(self.entries.insert(id, entry)),
                None => update.superseded(&changes, self.entries.get(&id).map(|entry| entry.version)),
            }
        }
    }

    pub(crate) fn set(&mut self, product: ProductId, changes: &Terms) {
        for ((term, block), postings) in by_block([(product, changes)].into_iter()) {
            for bucket in buckets_of(term).into_iter().flatten() {
                self.buckets.entry(bucket).or_default().insert(term.to_owned());
            }
            let block = self.blocks.entry((term.to_owned(), block)).or_default();
            *block = block.changed(term, &postings);
        }
    }

    /// Returns all postings, without the empty blocks that remain of removed products.
    pub(crate) fn postings(&self) -> BTreeMap<&(String, u8), &Block> {
        self.blocks.iter().filter(|(_, block)| !block.postings().is_empty()).collect()
    }

    /// Returns how many products can be found.
    pub(crate) fn products(&self) -> usize {
        self.entries.values().filter(|entry| !entry.terms.is_empty()).count()
    }

    pub(crate) fn search(&self, text: &str, limit: usize) -> Vec<Ranked> {
        let mut query = Query::of(text);
        query.add_postings(&self.read(&query.terms()));
        let buckets = query.buckets();
        let known = buckets.iter().filter_map(|bucket| self.buckets.get(bucket)).flatten().map(String::as_str);
        let corrections = query.correct(known);
        query.add_correction_postings(&self.read(&corrections));
        query.ranked(u64::try_from(self.products()).expect("a number"), limit)
    }

    fn read(&self, terms: &[String]) -> BTreeMap<String, Vec<Posting>> {
        let postings = |term: &String| {
            let blocks = (0..BLOCKS).filter_map(|block| self.blocks.get(&(term.clone(), block)));
            (term.clone(), blocks.flat_map(Block::postings).copied().collect())
        };
        terms.iter().map(postings).collect()
    }
}
