//! The ranking of search results.

use std::collections::HashMap;

use kernel::ProductId;

use crate::search::postings::Posting;

/// The maximum number of words of a query; further words are ignored.
pub const MAX_QUERY_WORDS: usize = 8;

/// The postings of one term, for one word of a query.
#[derive(Debug)]
pub struct TermMatch {
    /// How well the term matches the word, in hundredths.
    pub quality: u64,
    /// The products that have the term.
    pub postings: Vec<Posting>,
}

/// A search result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ranked {
    /// The product.
    pub product: ProductId,
    /// The matched words of the query, one bit for each.
    pub words: u8,
}

/// Returns the `limit` best results, given the matches of each word. `products` is the number of all products in the
/// index.
///
/// Products with all words come before those with some. A rare word counts more (`log2(1 + products / found)`, as in
/// BM25), and of several terms for one word the best counts. Equal results are ordered by id.
pub fn rank(matches: &[&[TermMatch]], products: u64, limit: usize) -> Vec<Ranked> {
    let mut scores: HashMap<ProductId, [u64; MAX_QUERY_WORDS]> = HashMap::new();
    for (word, terms) in matches.iter().take(MAX_QUERY_WORDS).enumerate() {
        for term in *terms {
            let many = u64::try_from(term.postings.len()).unwrap_or(u64::MAX);
            let rarity = log2_milli(many.saturating_add(products.max(many)), many);
            for posting in &term.postings {
                let best = &mut scores.entry(posting.product).or_default()[word];
                *best = (*best).max(rarity * u64::from(posting.impact) * term.quality);
            }
        }
    }
    let word_count = matches.len().min(MAX_QUERY_WORDS);
    let mut ranked: Vec<_> = scores
        .into_iter()
        .map(|(product, scores)| {
            let words = scores.iter().enumerate().filter(|(_, score)| **score > 0).map(|(word, _)| 1_u8 << word);
            let missing = scores[..word_count].contains(&0);
            (missing, u64::MAX - scores.iter().sum::<u64>(), Ranked { product, words: words.sum() })
        })
        .collect();
    ranked.sort_unstable_by_key(|(missing, inverse, ranked)| (*missing, *inverse, ranked.product));
    ranked.truncate(limit);
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
    // Determines one bit after the other: squaring doubles the remaining logarithm.
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

    fn found(quality: u64, postings: &[(u8, u8)]) -> TermMatch {
        let posting = |(id, impact): &(u8, u8)| Posting { product: ProductId::from([*id; 16]), impact: *impact };
        TermMatch { quality, postings: postings.iter().map(posting).collect() }
    }

    fn ids(matches: &[&[TermMatch]]) -> Vec<u8> {
        rank(matches, 1_000, 10).iter().map(|ranked| ranked.product.as_ref()[0]).collect()
    }

    #[test]
    fn all_words_come_before_some_and_rare_words_before_common_ones() {
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
    fn logarithms_are_exact_to_two_thousandths() {
        for (quotient, log) in [(1, 0), (2, 1_000), (3, 1_585), (10, 3_322), (1_000, 9_966), (1_048_576, 20_000)] {
            assert!(log2_milli(quotient * 7, 7).abs_diff(log) <= 2, "{quotient}: {}", log2_milli(quotient * 7, 7));
        }
    }
}
