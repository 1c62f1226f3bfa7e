//! Words with one letter wrong: which words may have been meant, and where to look for them.
//!
//! One edit changes the two letters that a word begins with, or the two that it ends with, but not both, if it has five letters
//! or more; of a shorter one it leaves the first letter or the last. So the words that may have been meant lie in few buckets.

use std::collections::BTreeSet;

/// Words with fewer letters are taken as they are.
const SHORTEST: usize = 5;

/// Shorter ones are not meant by a word of five letters.
const SHORTEST_MEANT: usize = 4;

/// So many words are tried in place of one.
const MOST_MEANT: usize = 3;

/// Whether a word, as it was written, is long enough to guess what was meant.
pub fn may_be_wrong(written: &str) -> bool {
    written.chars().count() >= SHORTEST
}

/// The two buckets in which a stem lies, if it is one that may be meant: numbers are not.
pub fn buckets_of(stem: &str) -> Option<[String; 2]> {
    let length = stem.chars().count();
    (length >= SHORTEST_MEANT && stem.chars().all(char::is_alphabetic)).then(|| buckets(stem, length, length))
}

/// The buckets in which every stem lies that is one edit away from this one.
pub fn buckets_near(stem: &str) -> Vec<String> {
    let length = stem.chars().count();
    let lengths = length.saturating_sub(1).max(SHORTEST_MEANT)..=length + 1;
    lengths.flat_map(|near| buckets(stem, length, near)).collect()
}

/// The buckets of stems that have `near` letters and begin or end like `stem`, which has `length`.
fn buckets(stem: &str, length: usize, near: usize) -> [String; 2] {
    let letters = if near < SHORTEST { 1 } else { 2 };
    let head: String = stem.chars().take(letters).collect();
    let tail: String = stem.chars().skip(length.saturating_sub(letters)).collect();
    [format!("HEAD#{head}#{near}"), format!("TAIL#{tail}#{near}")]
}

/// Those of `known` that were most likely meant by `stem`: who mistypes mostly gets the first letter right, and all letters rather
/// than one too many or too few.
pub fn meant<'a>(stem: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let letters = |word: &str| {
        let mut letters: Vec<char> = word.chars().collect();
        letters.sort_unstable();
        letters
    };
    let near: BTreeSet<(bool, bool, usize, &str)> = known
        .into_iter()
        .filter(|word| is_one_edit(stem, word))
        .map(|word| {
            let other_start = word.chars().next() != stem.chars().next();
            let other_letters = letters(word) != letters(stem);
            (other_start, other_letters, word.chars().count().abs_diff(stem.chars().count()), word)
        })
        .collect();
    near.into_iter().take(MOST_MEANT).map(|(.., word)| word.to_owned()).collect()
}

/// Whether one letter more, one fewer, another one, or two neighbours swapped make one word of the other.
pub fn is_one_edit(one: &str, other: &str) -> bool {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let (short, long) = if one.len() <= other.len() { (&one, &other) } else { (&other, &one) };
    let start = short.iter().zip(long).take_while(|(a, b)| a == b).count();
    let (short, long) = (&short[start..], &long[start..]);
    match long.len() - short.len() {
        0 if short.is_empty() => false,
        0 => {
            let swapped = short.len() > 1 && short[0] == long[1] && short[1] == long[0] && short[2..] == long[2..];
            short[1..] == long[1..] || swapped
        }
        1 => *short == long[1..],
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The distance of two words with swaps of neighbours as edits, by the book.
    fn distance(one: &str, other: &str) -> usize {
        let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
        let mut table = vec![vec![0; other.len() + 1]; one.len() + 1];
        for i in 0..=one.len() {
            for j in 0..=other.len() {
                table[i][j] = if i == 0 || j == 0 {
                    i + j
                } else {
                    let same = usize::from(one[i - 1] != other[j - 1]);
                    let mut least = (table[i - 1][j] + 1).min(table[i][j - 1] + 1).min(table[i - 1][j - 1] + same);
                    if i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1] {
                        least = least.min(table[i - 2][j - 2] + 1);
                    }
                    least
                };
            }
        }
        table[one.len()][other.len()]
    }

    proptest! {
        #[test]
        fn one_edit_is_a_distance_of_one(one in "[abcé]{0,7}", other in "[abcé]{0,7}") {
            prop_assert_eq!(is_one_edit(&one, &other), distance(&one, &other) == 1, "{} {}", one, other);
        }

        #[test]
        fn what_is_one_edit_away_lies_in_a_bucket_near(one in "[abé]{4,8}", other in "[abé]{4,8}") {
            if is_one_edit(&one, &other) {
                let near = buckets_near(&one);
                let lies_in = buckets_of(&other).expect("a word that may be meant");
                prop_assert!(lies_in.iter().any(|bucket| near.contains(bucket)), "{} {}", one, other);
            }
        }
    }

    #[test]
    fn the_likeliest_come_first() {
        let known = ["table", "cable", "tables", "tabel", "fable", "gable", "chair"];
        assert_eq!(meant("tabel", known), ["table"]);
        assert_eq!(meant("mable", known), ["cable", "fable", "gable"]);
        assert_eq!(buckets_of("14-inch"), None);
        assert_eq!(buckets_near("keybord").len(), 6);
    }
}
