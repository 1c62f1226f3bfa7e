//! Words, as the index and a query both see them.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// No word is longer; what is beyond is cut off.
const LONGEST: usize = 40;

/// They say nothing of a product.
const STOP_WORDS: &[&str] = &[
    "a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "in", "is", "it", "its", "of", "on", "or", "our",
    "so", "that", "the", "their", "to", "with",
];

/// A word of a text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Word {
    /// Its letters and digits: in lower case, without accents.
    pub written: String,
    /// The same in the singular: what one word is compared with another by.
    pub stem: String,
}

/// The words of `text`, in order, without stop words unless there are no others.
pub fn words(text: &str) -> Vec<Word> {
    let folded = fold(text);
    let all = || folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let telling: Vec<Word> = all().filter(|word| !STOP_WORDS.contains(word)).map(Word::new).collect();
    if telling.is_empty() { all().map(Word::new).collect() } else { telling }
}

impl Word {
    fn new(folded: &str) -> Self {
        let written: String = folded.chars().take(LONGEST).collect();
        Self { stem: singular(&written), written }
    }
}

/// `text` in lower case, without accents and apostrophes.
fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let plain = text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase);
    for c in plain.filter(|c| !is_combining_mark(*c)) {
        match c {
            '\'' | '’' | 'ʼ' => {}
            // Letters of their own, which Unicode does not take apart.
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

/// An English plural's singular, nearly: what matters is that both become the same.
fn singular(word: &str) -> String {
    if word.chars().count() < 4 {
        return word.to_owned();
    }
    if let Some(stem) = word.strip_suffix("ies").filter(|stem| stem.chars().count() > 1) {
        return format!("{stem}y");
    }
    let hissing = ["sses", "shes", "ches", "xes", "zes"].iter().any(|ending| word.ends_with(ending));
    let kept = ["ss", "us", "is"].iter().any(|ending| word.ends_with(ending));
    let ending = if hissing { "es" } else { "s" };
    word.strip_suffix(ending).filter(|_| !kept).unwrap_or(word).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Vec<String> {
        words(text).into_iter().map(|word| word.written).collect()
    }

    #[test]
    fn text_falls_into_words() {
        assert_eq!(written("Noise-Cancelling  Headphones, 14″"), ["noise", "cancelling", "headphones", "14"]);
        assert_eq!(written("Crème FRAÎCHE, jalapen\u{303}o & Œuf"), ["creme", "fraiche", "jalapeno", "oeuf"]);
        assert_eq!(written("Straße, smørrebrød, İzmir, ﬁne"), ["strasse", "smorrebrod", "izmir", "fine"]);
        assert_eq!(written("Men's and women’s"), ["mens", "womens"]);
        assert_eq!(written("…!?"), [""; 0]);
        assert_eq!(written(&"x".repeat(60)), ["x".repeat(40)]);
    }

    #[test]
    fn stop_words_count_only_where_there_are_no_others() {
        assert_eq!(written("A mug for the office"), ["mug", "office"]);
        assert_eq!(written("It"), ["it"]);
    }

    #[test]
    fn singular_and_plural_are_one_word() {
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
