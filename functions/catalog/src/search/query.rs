//! A search query and the terms that it is looked up by.

use std::collections::BTreeMap;

use crate::{
    domain::Product,
    search::{
        edits,
        postings::Posting,
        ranking::{MAX_QUERY_WORDS, Ranked, TermMatch, rank},
        terms::{prefix_term, titles},
        words::{Word, words},
    },
};

/// The quality of a match in hundredths: a product has the word itself, a correction of it, or a word with it as
/// prefix.
const EXACT: u64 = 100;
const CORRECTED: u64 = 80;
const PREFIX: u64 = 60;

/// A word of a query.
#[derive(Debug)]
struct QueryWord {
    word: Word,
    /// The last word of a query may be incomplete.
    is_last: bool,
    /// Corrections of the word, if it has no match.
    corrections: Vec<String>,
    matches: Vec<TermMatch>,
}

/// A query in progress: the postings that were read are added to it, and it determines what is read next.
#[derive(Debug)]
pub struct Query {
    words: Vec<QueryWord>,
}

impl Query {
    /// Returns the query for the words of `text`. Repeated words count once.
    pub fn of(text: &str) -> Self {
        let mut query_words: Vec<QueryWord> = Vec::new();
        let all = words(text);
        let end = all.len();
        for (index, word) in all.into_iter().enumerate() {
            let is_last = index + 1 == end;
            match query_words.iter_mut().find(|earlier| earlier.word.stem == word.stem) {
                Some(earlier) => earlier.is_last |= is_last,
                None => query_words.push(QueryWord { word, is_last, corrections: Vec::new(), matches: Vec::new() }),
            }
        }
        query_words.truncate(MAX_QUERY_WORDS);
        Self { words: query_words }
    }

    /// Returns whether the query has no words.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Returns the terms to read first, without duplicates.
    pub fn terms(&self) -> Vec<String> {
        let prefixes = self
            .words
            .iter()
            .filter(|query_word| query_word.is_last)
            .map(|query_word| prefix_term(&query_word.word.normalized));
        self.words.iter().map(|query_word| query_word.word.stem.clone()).chain(prefixes).collect()
    }

    /// Adds the postings of [`Query::terms`].
    pub fn add_postings(&mut self, postings: &BTreeMap<String, Vec<Posting>>) {
        for query_word in &mut self.words {
            query_word.add_matches(&query_word.word.stem.clone(), EXACT, postings);
            if query_word.is_last {
                query_word.add_matches(&prefix_term(&query_word.word.normalized), PREFIX, postings);
            }
        }
    }

    /// Returns the buckets with the corrections of words without matches.
    pub fn buckets(&self) -> Vec<String> {
        let misspelled = self.words.iter().filter(|query_word| query_word.is_misspelled());
        let mut buckets: Vec<String> =
            misspelled.flat_map(|query_word| edits::buckets_near(&query_word.word.stem)).collect();
        buckets.sort_unstable();
        buckets.dedup();
        buckets
    }

    /// Chooses corrections among the words of [`Query::buckets`]. Returns the terms to read for them, without
    /// duplicates.
    pub fn correct<'a>(&mut self, known: impl IntoIterator<Item = &'a str> + Clone) -> Vec<String> {
        for query_word in self.words.iter_mut().filter(|query_word| query_word.is_misspelled()) {
            query_word.corrections = edits::corrections(&query_word.word.stem, known.clone());
        }
        let mut terms: Vec<String> = self.words.iter().flat_map(|query_word| query_word.corrections.clone()).collect();
        terms.sort_unstable();
        terms.dedup();
        terms
    }

    /// Adds the postings of [`Query::correct`].
    pub fn add_correction_postings(&mut self, postings: &BTreeMap<String, Vec<Posting>>) {
        for query_word in &mut self.words {
            for correction in query_word.corrections.clone() {
                query_word.add_matches(&correction, CORRECTED, postings);
            }
        }
    }

    /// Returns the `limit` best matches. `products` is the number of all products in the index.
    pub fn ranked(&self, products: u64, limit: usize) -> Vec<Ranked> {
        let matches: Vec<&[TermMatch]> = self.words.iter().map(|query_word| query_word.matches.as_slice()).collect();
        rank(&matches, products, limit)
    }

    /// Returns whether `product` still has the words that its postings were found for: these may be of an earlier
    /// state. `matched` has a bit for each of these words.
    pub fn still_matches(&self, product: &Product, matched: u8) -> bool {
        let titles: Vec<Word> = titles(product).into_iter().flatten().collect();
        let description = words(&product.description);
        let has = |stem: &str| titles.iter().chain(&description).any(|word| word.stem == stem);
        let matches = |query_word: &QueryWord| {
            has(&query_word.word.stem)
                || query_word.is_last
                    && titles.iter().any(|word| word.normalized.starts_with(&query_word.word.normalized))
                || query_word.corrections.iter().any(|correction| has(correction))
        };
        let matched_words = self.words.iter().enumerate().filter(|(index, _)| matched & (1 << index) != 0);
        product.archived_at.is_none() && matched_words.map(|(_, query_word)| query_word).all(matches)
    }
}

impl QueryWord {
    /// Returns whether the word has no match and can be corrected.
    fn is_misspelled(&self) -> bool {
        self.matches.is_empty() && edits::can_be_misspelled(&self.word.normalized)
    }

    fn add_matches(&mut self, term: &str, quality: u64, postings: &BTreeMap<String, Vec<Posting>>) {
        if let Some(postings) = postings.get(term).filter(|postings| !postings.is_empty()) {
            self.matches.push(TermMatch { quality, postings: postings.clone() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_and_the_last_as_a_prefix_too() {
        assert_eq!(Query::of("Oak tables, tabl").terms(), ["oak", "table", "tabl", "tabl*"]);
        assert_eq!(Query::of("oak Oak").terms(), ["oak", "oak*"]);
        assert_eq!(Query::of("a b c d e f g h i j").terms().len(), MAX_QUERY_WORDS);
        assert!(Query::of("?! …").is_empty());
    }

    #[test]
    fn the_number_of_keys_is_limited() {
        let mut query = Query::of("aaaaaa bbbbbb cccccc dddddd eeeeee ffffff gggggg hhhhhh iiiiii");
        query.add_postings(&BTreeMap::new());
        assert!(query.terms().len() * 4 < 100 && query.buckets().len() <= 100);
        let known: Vec<String> = "abcdefgh"
            .chars()
            .flat_map(|c| "uvwxyz".chars().map(move |end| format!("{}{end}", c.to_string().repeat(5))))
            .collect();
        assert_eq!(query.correct(known.iter().map(String::as_str)).len() * 4, 96);
    }
}
