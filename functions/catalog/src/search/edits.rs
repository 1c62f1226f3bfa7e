//! Corrections of words with one typing error.
//!
//! In a word of five or more letters, one edit changes the first two letters or the last two, but not both; in a
//! shorter word, it leaves the first letter or the last one unchanged. So the possible corrections are in few buckets,
//! by their first and last letters.

use std::collections::BTreeSet;

/// Words with fewer letters are not corrected.
const MIN_MISSPELLED_LENGTH: usize = 5;

/// The length of the shortest correction, which is one letter shorter than the shortest word that is corrected.
const MIN_CORRECTION_LENGTH: usize = 4;

/// The maximum number of corrections of a word.
const MAX_CORRECTIONS: usize = 3;

/// Returns whether a word is long enough to be corrected.
pub fn can_be_misspelled(word: &str) -> bool {
    word.chars().count() >= MIN_MISSPELLED_LENGTH
}

/// Returns the two buckets of a stem, or nothing if it cannot be a correction: it is too short or has other characters
/// than letters.
pub fn buckets_of(stem: &str) -> Option<[String; 2]> {
    let length = stem.chars().count();
    (length >= MIN_CORRECTION_LENGTH && stem.chars().all(char::is_alphabetic)).then(|| buckets(stem, length, length))
}

/// Returns the buckets of all stems that are one edit away from `stem`.
pub fn buckets_near(stem: &str) -> Vec<String> {
    let length = stem.chars().count();
    let lengths = length.saturating_sub(1).max(MIN_CORRECTION_LENGTH)..=length + 1;
    lengths.flat_map(|near| buckets(stem, length, near)).collect()
}

/// Returns the buckets of stems that have `near` letters and begin or end like `stem`, which has `length` letters.
fn buckets(stem: &str, length: usize, near: usize) -> [String; 2] {
    let letters = if near < MIN_MISSPELLED_LENGTH { 1 } else { 2 };
    let head: String = stem.chars().take(letters).collect();
    let tail: String = stem.chars().skip(length.saturating_sub(letters)).collect();
    [format!("HEAD#{head}#{near}"), format!("TAIL#{tail}#{near}")]
}

/// Returns the most likely corrections of `stem` among the `known` words. Most typing errors leave the first letter
/// unchanged, swap letters rather than change them, and replace a letter rather than add or omit one.
pub fn corrections<'a>(stem: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<String> {
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
    near.into_iter().take(MAX_CORRECTIONS).map(|(.., word)| word.to_owned()).collect()
}

/// Returns whether the words differ by one additional letter, one replaced letter, or two swapped neighbours.
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

    /// Returns the edit distance with swaps of neighbours, by the textbook algorithm.
    fn distance(one: &str, other: &str) -> usize {
        let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
        let mut table = vec![vec![0; other.len() + 1]; one.len() + 1];
        for i in 0..=one.len() {
            for j in 0..=other.len() {
                table[i][j] = if i == 0 || j == 0 {
                    i + j
                } else {
                    let same = usize::from(one[i - 1] != other[j - 1]);
                    let mut minimum = (table[i - 1][j] + 1).min(table[i][j - 1] + 1).min(table[i - 1][j - 1] + same);
                    if i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1] {
                        minimum = minimum.min(table[i - 2][j - 2] + 1);
                    }
                    minimum
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
        fn a_word_one_edit_away_is_in_a_near_bucket(one in "[abé]{4,8}", other in "[abé]{4,8}") {
            if is_one_edit(&one, &other) {
                let near = buckets_near(&one);
                let own = buckets_of(&other).expect("a possible correction");
                prop_assert!(own.iter().any(|bucket| near.contains(bucket)), "{} {}", one, other);
            }
        }
    }

    #[test]
    fn the_likeliest_corrections_come_first() {
        let known = ["table", "cable", "tables", "tabel", "fable", "gable", "chair"];
        assert_eq!(corrections("tabel", known), ["table"]);
        assert_eq!(corrections("mable", known), ["cable", "fable", "gable"]);
        assert_eq!(buckets_of("14-inch"), None);
        assert_eq!(buckets_near("keybord").len(), 6);
    }
}
