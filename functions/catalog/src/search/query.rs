//! A query: what is asked for, and under which terms that may lie.

use std::collections::BTreeMap;

use crate::{
    domain::Product,
    search::{
        edits,
        postings::Posting,
        ranking::{Found, Ranked, rank},
        terms::{beginning, titles},
        words::{Word, words},
    },
};

/// So many words of a query count.
pub const MOST_WORDS: usize = 8;

/// In hundredths: what it counts that a product has a word itself, that it has one in its place that may have been meant, that it
/// has one that begins like it.
const EXACT: u64 = 100;
const MEANT: u64 = 80;
const BEGINS: u64 = 60;

/// One word of a query.
#[derive(Debug)]
struct Asked {
    word: Word,
    /// It may not be typed to its end yet.
    last: bool,
    /// What was meant by it, if it is found nowhere.
    meant: Vec<String>,
    found: Vec<Found>,
}

/// A query while it is answered: what is read is taken in, and says what is to be read next.
#[derive(Debug)]
pub struct Query {
    asked: Vec<Asked>,
}

impl Query {
    /// The words of `text`; each counts once.
    pub fn of(text: &str) -> Self {
        let mut asked: Vec<Asked> = Vec::new();
        let all = words(text);
        let end = all.len();
        for (index, word) in all.into_iter().enumerate() {
            let last = index + 1 == end;
            match asked.iter_mut().find(|asked| asked.word.stem == word.stem) {
                Some(before) => before.last |= last,
                None => asked.push(Asked { word, last, meant: Vec::new(), found: Vec::new() }),
            }
        }
        asked.truncate(MOST_WORDS);
        Self { asked }
    }

    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.asked.is_empty()
    }

    /// The terms to be read first, each once.
    pub fn terms(&self) -> Vec<String> {
        let beginnings = self.asked.iter().filter(|asked| asked.last).map(|asked| beginning(&asked.word.written));
        self.asked.iter().map(|asked| asked.word.stem.clone()).chain(beginnings).collect()
    }

    /// Takes in the postings of [`Query::terms`].
    pub fn take(&mut self, postings: &BTreeMap<String, Vec<Posting>>) {
        for asked in &mut self.asked {
            asked.take(&asked.word.stem.clone(), EXACT, postings);
            if asked.last {
                asked.take(&beginning(&asked.word.written), BEGINS, postings);
            }
        }
    }

    /// The buckets in which lies what was meant by the words that were not found.
    pub fn buckets(&self) -> Vec<String> {
        let mut buckets: Vec<String> = self.unfound().flat_map(|asked| edits::buckets_near(&asked.word.stem)).collect();
        buckets.sort_unstable();
        buckets.dedup();
        buckets
    }

    fn unfound(&self) -> impl Iterator<Item = &Asked> {
        self.asked.iter().filter(|asked| asked.is_unfound())
    }

    /// Takes in the words of [`Query::buckets`]; the terms to be read in place of those that were not found, each once.
    pub fn correct<'a>(&mut self, known: impl IntoIterator<Item = &'a str> + Clone) -> Vec<String> {
        for asked in self.asked.iter_mut().filter(|asked| asked.is_unfound()) {
            asked.meant = edits::meant(&asked.word.stem, known.clone());
        }
        let mut terms: Vec<String> = self.asked.iter().flat_map(|asked| asked.meant.clone()).collect();
        terms.sort_unstable();
        terms.dedup();
        terms
    }

    /// Takes in the postings of [`Query::correct`].
    pub fn take_meant(&mut self, postings: &BTreeMap<String, Vec<Posting>>) {
        for asked in &mut self.asked {
            for meant in asked.meant.clone() {
                asked.take(&meant, MEANT, postings);
            }
        }
    }

    /// The best `most` of what was found, among so many products.
    pub fn ranked(&self, products: u64, most: usize) -> Vec<Ranked> {
        let found: Vec<&[Found]> = self.asked.iter().map(|asked| asked.found.as_slice()).collect();
        rank(&found, products, most)
    }

    /// Whether `product` is as the postings say, which have found `words` of the query in it: they may be of an older state.
    pub fn is_still_in(&self, product: &Product, words_found: u8) -> bool {
        let titles: Vec<Word> = titles(product).into_iter().flatten().collect();
        let described = words(&product.description);
        let has = |stem: &str| titles.iter().chain(&described).any(|word| word.stem == stem);
        let holds = |asked: &Asked| {
            has(&asked.word.stem)
                || asked.last && titles.iter().any(|word| word.written.starts_with(&asked.word.written))
                || asked.meant.iter().any(|meant| has(meant))
        };
        let claimed = self.asked.iter().enumerate().filter(|(index, _)| words_found & (1 << index) != 0);
        product.archived_at.is_none() && claimed.map(|(_, asked)| asked).all(holds)
    }
}

impl Asked {
    fn is_unfound(&self) -> bool {
        self.found.is_empty() && edits::may_be_wrong(&self.word.written)
    }

    fn take(&mut self, term: &str, quality: u64, postings: &BTreeMap<String, Vec<Posting>>) {
        if let Some(postings) = postings.get(term).filter(|postings| !postings.is_empty()) {
            self.found.push(Found { quality, postings: postings.clone() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_and_the_last_as_a_beginning_too() {
        assert_eq!(Query::of("Oak tables, tabl").terms(), ["oak", "table", "tabl", "tabl*"]);
        assert_eq!(Query::of("oak Oak").terms(), ["oak", "oak*"]);
        assert_eq!(Query::of("a b c d e f g h i j").terms().len(), MOST_WORDS);
        assert!(Query::of("?! …").is_empty());
    }

    #[test]
    fn keys_are_few_whatever_is_asked() {
        let mut query = Query::of("aaaaaa bbbbbb cccccc dddddd eeeeee ffffff gggggg hhhhhh iiiiii");
        query.take(&BTreeMap::new());
        assert!(query.terms().len() * 4 < 100 && query.buckets().len() <= 100);
        let known: Vec<String> = "abcdefgh"
            .chars()
            .flat_map(|c| "uvwxyz".chars().map(move |end| format!("{}{end}", c.to_string().repeat(5))))
            .collect();
        assert_eq!(query.correct(known.iter().map(String::as_str)).len() * 4, 96);
    }
}
