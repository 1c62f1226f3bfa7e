//! Ranking: which of the products that were found come first.

use std::collections::HashMap;

use kernel::ProductId;

use crate::search::{postings::Posting, query::MOST_WORDS};

/// What was found under one term for one word of a query.
#[derive(Debug)]
pub struct Found {
    /// In hundredths, how near the term is to the word.
    pub quality: u64,
    /// The products that have it.
    pub postings: Vec<Posting>,
}

/// A product that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ranked {
    /// Which.
    pub product: ProductId,
    /// The words that were found in it, a bit for each.
    pub words: u8,
}

/// The best `most`, given what was `found` for each word, among so many products.
///
/// Those that have all the words come before those that have some. A rare word counts more (`log2(1 + products / found)`, as BM25 has
/// it), and of several terms for one word the best. What is equal stands in the order of ids.
pub fn rank(found: &[&[Found]], products: u64, most: usize) -> Vec<Ranked> {
    let mut scores: HashMap<ProductId, [u64; MOST_WORDS]> = HashMap::new();
    for (word, terms) in found.iter().take(MOST_WORDS).enumerate() {
        for term in *terms {
            let many = u64::try_from(term.postings.len()).unwrap_or(u64::MAX);
            let rarity = log2_milli(many.saturating_add(products.max(many)), many);
            for posting in &term.postings {
                let best = &mut scores.entry(posting.product).or_default()[word];
                *best = (*best).max(rarity * u64::from(posting.impact) * term.quality);
            }
        }
    }
    let all_of_them = found.len().min(MOST_WORDS);
    let mut ranked: Vec<_> = scores
        .into_iter()
        .map(|(product, scores)| {
            let words = scores.iter().enumerate().filter(|(_, score)| **score > 0).map(|(word, _)| 1_u8 << word);
            let missing = scores[..all_of_them].contains(&0);
            (missing, u64::MAX - scores.iter().sum::<u64>(), Ranked { product, words: words.sum() })
        })
        .collect();
    ranked.sort_unstable_by_key(|(missing, inverse, ranked)| (*missing, *inverse, ranked.product));
    ranked.truncate(most);
    ranked.into_iter().map(|(.., ranked)| ranked).collect()
}

/// `log2(numerator / denominator)` in thousandths, for quotients of at least one.
fn log2_milli(numerator: u64, denominator: u64) -> u64 {
    let mut quotient = (u128::from(numerator) << 32) / u128::from(denominator.max(1));
    let mut log = 0;
    while quotient >= 2 << 32 {
        quotient >>= 1;
        log += 1 << 10;
    }
    // Bit by bit: squaring doubles what is left of the logarithm.
    for bit in (0..10).rev() {
        quotient = (quotient * quotient) >> 32;
        if quotient >= 2 << 32 {
            quotient >>= 1;
            log += 1 << bit;
        }
    }
    (log * 1000) >> 10
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(quality: u64, postings: &[(u8, u8)]) -> Found {
        let posting = |(id, impact): &(u8, u8)| Posting { product: ProductId::from([*id; 16]), impact: *impact };
        Found { quality, postings: postings.iter().map(posting).collect() }
    }

    fn ids(found: &[&[Found]]) -> Vec<u8> {
        rank(found, 1_000, 10).iter().map(|ranked| ranked.product.as_ref()[0]).collect()
    }

    #[test]
    fn all_words_before_some_and_rare_words_before_common_ones() {
        let common = [found(100, &[(1, 200), (2, 100), (4, 200), (5, 200), (6, 200)])];
        let rare = [found(100, &[(2, 100), (3, 200)])];
        assert_eq!(ids(&[&common, &rare]), [2, 3, 1, 4, 5, 6]);
        let words: Vec<u8> = rank(&[&common, &rare], 1_000, 3).iter().map(|ranked| ranked.words).collect();
        assert_eq!(words, [0b11, 0b10, 0b01]);
    }

    #[test]
    fn the_best_term_counts_for_a_word() {
        let terms = [found(100, &[(1, 100)]), found(60, &[(1, 255), (2, 200)])];
        assert_eq!(ids(&[&terms]), [1, 2]);
        assert_eq!(ids(&[&[]]), [0; 0]);
    }

    #[test]
    fn logarithms_are_right_to_two_thousandths() {
        for (quotient, log) in [(1, 0), (2, 1_000), (3, 1_585), (10, 3_322), (1_000, 9_966), (1_048_576, 20_000)] {
            assert!(log2_milli(quotient * 7, 7).abs_diff(log) <= 2, "{quotient}: {}", log2_milli(quotient * 7, 7));
        }
    }
}
