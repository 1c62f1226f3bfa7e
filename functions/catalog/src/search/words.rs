//! The words of a text, in the form in which the index and queries compare them.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// The maximum number of characters of a word. Longer words are truncated.
const MAX_WORD_LENGTH: usize = 40;

/// Words that do not distinguish products.
const STOP_WORDS: &[&str] = &[
    "a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "in", "is", "it", "its", "of", "on", "or", "our",
    "so", "that", "the", "their", "to", "with",
];

/// A word of a text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Word {
    /// The letters and digits in lower case and without accents.
    pub normalized: String,
    /// The singular of the normalized word, by which words are compared.
    pub stem: String,
}

/// Returns the words of `text` in order. Stop words are left out unless there are no other words.
pub fn words(text: &str) -> Vec<Word> {
    let folded = fold(text);
    let all = || folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let significant: Vec<Word> = all().filter(|word| !STOP_WORDS.contains(word)).map(Word::new).collect();
    if significant.is_empty() { all().map(Word::new).collect() } else { significant }
}

impl Word {
    fn new(folded: &str) -> Self {
        let normalized: String = folded.chars().take(MAX_WORD_LENGTH).collect();
        Self { stem: singular(&normalized), normalized }
    }
}

/// Returns `text` in lower case, without accents and apostrophes.
fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let plain = text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase);
    for c in plain.filter(|c| !is_combining_mark(*c)) {
        match c {
            '\'' | '’' | 'ʼ' => {}
            // These are letters of their own, which Unicode does not decompose.
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'ø' => folded.push('o'),
            'ł' => folded.push('l'),
            'đ' | 'ð' => folded.push('d'),
            c => folded.push(c),
        }
    }
    folded
}

/// Returns the approximate singular of an English word. It is enough that singular and plural become the same.
fn singular(word: &str) -> String {
    if word.chars().count() < 4 {
        return word.to_owned();
    }
    if let Some(stem) = word.strip_suffix("ies").filter(|stem| stem.chars().count() > 1) {
        return format!("{stem}y");
    }
    let is_sibilant = ["sses", "shes", "ches", "xes", "zes"].iter().any(|ending| word.ends_with(ending));
    let is_singular = ["ss", "us", "is"].iter().any(|ending| word.ends_with(ending));
    let ending = if is_sibilant { "es" } else { "s" };
    word.strip_suffix(ending).filter(|_| !is_singular).unwrap_or(word).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalized(text: &str) -> Vec<String> {
        words(text).into_iter().map(|word| word.normalized).collect()
    }

    #[test]
    fn a_text_is_divided_into_words() {
        assert_eq!(normalized("Noise-Cancelling  Headphones, 14″"), ["noise", "cancelling", "headphones", "14"]);
        assert_eq!(normalized("Crème FRAÎCHE, jalapen\u{303}o & Œuf"), ["creme", "fraiche", "jalapeno", "oeuf"]);
        assert_eq!(normalized("Straße, smørrebrød, İzmir, ﬁne"), ["strasse", "smorrebrod", "izmir", "fine"]);
        assert_eq!(normalized("Men's and women’s"), ["mens", "womens"]);
        assert_eq!(normalized("…!?"), [""; 0]);
        assert_eq!(normalized(&"x".repeat(60)), ["x".repeat(40)]);
    }

    #[test]
    fn stop_words_count_only_if_there_are_no_others() {
        assert_eq!(normalized("A mug for the office"), ["mug", "office"]);
        assert_eq!(normalized("It"), ["it"]);
    }

    #[test]
    fn singular_and_plural_have_the_same_stem() {
        let pairs = [
            ("lamp", "lamps"),
            ("battery", "batteries"),
            ("glass", "glasses"),
            ("box", "boxes"),
            ("brush", "brushes"),
            ("shoe", "shoes"),
            ("tie", "ties"),
            ("man", "man's"),
        ];
        for (one, many) in pairs {
            assert_eq!(words(one)[0].stem, words(many)[0].stem, "{many}");
        }
        for word in ["glass", "bus", "cactus", "tennis", "gas"] {
            assert_eq!(words(word)[0].stem, word);
        }
    }
}
