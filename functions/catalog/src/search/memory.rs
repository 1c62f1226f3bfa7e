//! An index in memory, for the tests of what decides: the table's twin, read and written in the same steps.

use std::collections::{BTreeMap, BTreeSet};

use kernel::ProductId;

use crate::{
    domain::Product,
    search::{
        edits::buckets_of,
        entry::{Entry, Plan, Work, by_block},
        postings::{BLOCKS, Block, Posting},
        query::Query,
        ranking::Ranked,
        terms::Terms,
    },
};

#[derive(Debug, Default)]
pub(crate) struct Memory {
    blocks: BTreeMap<(String, u8), Block>,
    buckets: BTreeMap<String, BTreeSet<String>>,
    entries: BTreeMap<ProductId, Entry>,
}

impl Memory {
    pub(crate) fn index(&mut self, products: &[Product]) {
        products.iter().for_each(|product| self.finish(Work::of(product.clone())));
    }

    pub(crate) fn finish(&mut self, mut work: Work) {
        let id = work.product();
        while let Plan::Change(changes, entry) = work.plan(self.entries.get(&id)) {
            self.set(id, &changes);
            match entry {
                Some(entry) => drop(self.entries.insert(id, entry)),
                None => work.overtaken(&changes, self.entries.get(&id).map(|entry| entry.version)),
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

    /// All postings but empty blocks, which stay where products have gone.
    pub(crate) fn postings(&self) -> BTreeMap<&(String, u8), &Block> {
        self.blocks.iter().filter(|(_, block)| !block.postings().is_empty()).collect()
    }

    /// How many products can be found.
    pub(crate) fn products(&self) -> usize {
        self.entries.values().filter(|entry| !entry.terms.is_empty()).count()
    }

    pub(crate) fn search(&self, text: &str, most: usize) -> Vec<Ranked> {
        let mut query = Query::of(text);
        query.take(&self.read(&query.terms()));
        let buckets = query.buckets();
        let known = buckets.iter().filter_map(|bucket| self.buckets.get(bucket)).flatten().map(String::as_str);
        let meant = query.correct(known);
        query.take_meant(&self.read(&meant));
        query.ranked(u64::try_from(self.products()).expect("a number"), most)
    }

    fn read(&self, terms: &[String]) -> BTreeMap<String, Vec<Posting>> {
        let postings = |term: &String| {
            let blocks = (0..BLOCKS).filter_map(|block| self.blocks.get(&(term.clone(), block)));
            (term.clone(), blocks.flat_map(Block::postings).copied().collect())
        };
        terms.iter().map(postings).collect()
    }
}
