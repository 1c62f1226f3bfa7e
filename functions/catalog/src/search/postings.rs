//! Postings, which are the products of a term, in blocks of limited size.

use std::collections::HashMap;

use kernel::ProductId;

/// The number of blocks that the postings of a term are divided into, by product.
pub const BLOCKS: u8 = 4;

/// A product that has a term.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posting {
    /// The product.
    pub product: ProductId,
    /// How much the term says about the product, from 1 to 255.
    pub impact: u8,
}

/// The size of a posting in bytes: the product's id, then the impact.
const POSTING_BYTES: usize = 17;

/// Postings, by descending impact.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Block(Vec<Posting>);

/// Returns the block for the postings of a product.
pub fn block_of(product: ProductId) -> u8 {
    // The end of an id is random.
    product.as_ref().last().map_or(0, |byte| byte % BLOCKS)
}

/// Returns the maximum number of postings in a block of `term`; those with the highest impact remain. Prefixes have a
/// lower maximum: they match more products than words do, and nobody needs all products for a few letters.
fn max_postings(term: &str) -> usize {
    if term.ends_with('*') { 1_000 } else { 4_000 }
}

impl Block {
    /// Reads a block that [`Block::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Self {
        let postings = bytes.chunks_exact(POSTING_BYTES).filter_map(|chunk| {
            let (id, impact) = chunk.split_first_chunk::<16>()?;
            Some(Posting { product: ProductId::from(*id), impact: *impact.first()? })
        });
        Self(postings.collect())
    }

    /// Writes a block, with 17 bytes for each posting.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.len() * POSTING_BYTES);
        for posting in &self.0 {
            bytes.extend(posting.product.as_ref() as &[u8]);
            bytes.push(posting.impact);
        }
        bytes
    }

    /// Returns the block of `term` after `changes`. An impact of 0 removes a product.
    #[must_use]
    pub fn changed(&self, term: &str, changes: &[Posting]) -> Self {
        let changed: HashMap<ProductId, u8> = changes.iter().map(|change| (change.product, change.impact)).collect();
        let unchanged = self.0.iter().filter(|posting| !changed.contains_key(&posting.product));
        let added = changes.iter().filter(|change| change.impact > 0);
        let mut postings: Vec<Posting> = unchanged.chain(added).copied().collect();
        postings.sort_unstable_by_key(|posting| (u8::MAX - posting.impact, posting.product));
        postings.truncate(max_postings(term));
        Self(postings)
    }

    /// Returns the postings, by descending impact.
    pub fn postings(&self) -> &[Posting] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn posting() -> impl Strategy<Value = Posting> {
        // With few products, the same one is changed several times.
        (0..40_u8, any::<u8>()).prop_map(|(id, impact)| Posting { product: ProductId::from([id; 16]), impact })
    }

    fn block(postings: &[Posting]) -> Block {
        postings.iter().fold(Block::default(), |block, posting| block.changed("word", &[*posting]))
    }

    proptest! {
        #[test]
        fn a_block_is_read_as_it_was_written(postings in prop::collection::vec(posting(), 0..80)) {
            let block = block(&postings);
            prop_assert_eq!(block.encode().len(), block.postings().len() * POSTING_BYTES);
            prop_assert_eq!(Block::decode(&block.encode()), block);
        }

        #[test]
        fn a_block_has_the_last_change_of_each_product(postings in prop::collection::vec(posting(), 0..80)) {
            let last: HashMap<ProductId, u8> = postings.iter().map(|posting| (posting.product, posting.impact)).collect();
            let found: HashMap<ProductId, u8> =
                block(&postings).postings().iter().map(|posting| (posting.product, posting.impact)).collect();
            prop_assert_eq!(found, last.into_iter().filter(|(_, impact)| *impact > 0).collect::<HashMap<_, _>>());
            let again = block(&postings).changed("word", &[]);
            prop_assert!(again.postings().is_sorted_by_key(|posting| u8::MAX - posting.impact));
        }
    }

    #[test]
    fn a_full_block_keeps_the_postings_with_the_highest_impact() {
        let all: Vec<Posting> = (0..5_000_u16)
            .map(|number| {
                let mut id = [0; 16];
                id[..2].copy_from_slice(&number.to_be_bytes());
                Posting { product: ProductId::from(id), impact: u8::try_from(number % 250 + 1).expect("a byte") }
            })
            .collect();
        let full = Block::default().changed("word", &all);
        assert_eq!((full.postings().len(), full.encode().len()), (4_000, 68_000));
        assert!(full.postings().iter().all(|posting| posting.impact > 50));
        assert_eq!(Block::default().changed("wo*", &all).postings().len(), 1_000);
    }
}
