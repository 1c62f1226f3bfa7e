//! The terms by which a product is found, and how much each of them says about it.

use std::collections::BTreeMap;

use crate::{
    domain::Product,
    search::words::{Word, words},
};

/// The terms of one product, each with its impact from 1 to 255.
///
/// A term is the stem of a word, or a prefix of a word followed by an asterisk.
pub type Terms = BTreeMap<String, u8>;

/// The maximum length of a prefix.
pub const MAX_PREFIX_LENGTH: usize = 10;

/// The maximum number of indexed words of a description.
const MAX_DESCRIPTION_WORDS: usize = 300;

/// The weight at which a term reaches half of the maximum impact.
const HALF_SATURATION: u64 = 6_000;

/// A field of a product's text, weighted by BM25F: a word counts less in a field that is longer than typical.
struct Field {
    /// The weight of a word, in thousandths.
    weight: u64,
    typical_length: u64,
    /// How much the length of the field counts, in hundredths.
    length_weight: u64,
}

const NAME: Field = Field { weight: 8_000, typical_length: 4, length_weight: 30 };
const CATEGORY: Field = Field { weight: 3_000, typical_length: 1, length_weight: 0 };
const DESCRIPTION: Field = Field { weight: 1_000, typical_length: 15, length_weight: 50 };

impl Field {
    /// Returns what each occurrence adds to the weight of a word in a field of `length` words.
    fn weight_among(&self, length: usize) -> u64 {
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        let norm = 100 - self.length_weight + self.length_weight.saturating_mul(length) / self.typical_length;
        self.weight * 100 / norm
    }
}

/// Returns the terms of a product. An archived product has none.
pub fn terms_of(product: &Product) -> Terms {
    if product.archived_at.is_some() {
        return Terms::new();
    }
    let (titles, mut description) = (titles(product), words(&product.description));
    description.truncate(MAX_DESCRIPTION_WORDS);
    let mut weights: BTreeMap<&str, u64> = BTreeMap::new();
    let [name, category] = &titles;
    for (field, words) in [(NAME, name), (CATEGORY, category), (DESCRIPTION, &description)] {
        for word in words {
            *weights.entry(&word.stem).or_default() += field.weight_among(words.len());
        }
    }
    let mut terms: Terms = weights.iter().map(|(stem, weight)| ((*stem).to_owned(), impact(*weight))).collect();
    for word in titles.iter().flatten() {
        let word_impact = terms[&word.stem];
        for prefix in prefix_terms(word) {
            let prefix_impact = terms.entry(prefix).or_insert(word_impact);
            *prefix_impact = word_impact.max(*prefix_impact);
        }
    }
    terms
}

/// Returns the words of a product's name and category, which are also found by their prefixes.
pub fn titles(product: &Product) -> [Vec<Word>; 2] {
    [words(&product.name), words(&product.category)]
}

/// Returns the term of all words that begin with `word`.
pub fn prefix_term(word: &str) -> String {
    word.chars().take(MAX_PREFIX_LENGTH).chain(['*']).collect()
}

/// Returns the terms of all incomplete forms of a word.
fn prefix_terms(word: &Word) -> impl Iterator<Item = String> + '_ {
    let lengths = 1..word.normalized.chars().count().min(MAX_PREFIX_LENGTH + 1);
    lengths.map(|length| word.normalized.chars().take(length).chain(['*']).collect())
}

fn impact(weight: u64) -> u8 {
    u8::try_from(weight * 255 / (weight + HALF_SATURATION)).unwrap_or(u8::MAX).max(1)
}

#[cfg(test)]
pub(crate) mod tests {
    use kernel::{ProductId, Timestamp};

    use super::*;
    use crate::domain::tests::mug;

    pub(crate) fn product(id: u64, version: u64, name: &str, category: &str, description: &str) -> Product {
        let mut bytes = [0x70; 16];
        bytes[8..].copy_from_slice(&id.to_be_bytes());
        Product {
            id: ProductId::from(bytes),
            name: name.parse().expect("a name"),
            description: description.parse().expect("a description"),
            category: category.parse().expect("a category"),
            version,
            ..mug()
        }
    }

    #[test]
    fn names_weigh_more_than_categories_and_these_more_than_descriptions() {
        let terms = terms_of(&product(1, 1, "Oak Table", "Furniture", "Room for six chairs."));
        assert!(terms["table"] > terms["furniture"] && terms["furniture"] > terms["chair"], "{terms:?}");
        let longer = terms_of(&product(1, 1, "Oak Table with Six Legs and a Drawer", "Furniture", ""));
        assert!(terms["table"] > longer["table"], "{longer:?}");
        let both = terms_of(&product(1, 1, "Oak Table", "Tables", "A table."));
        assert!(both["table"] > terms["table"], "{both:?}");
    }

    #[test]
    fn names_and_categories_are_found_by_their_beginnings() {
        let terms = terms_of(&product(1, 1, "Mugs", "Photographical", "Enamel."));
        let expected = [
            "enamel",
            "m*",
            "mu*",
            "mug",
            "mug*",
            "p*",
            "ph*",
            "pho*",
            "phot*",
            "photo*",
            "photog*",
            "photogr*",
            "photogra*",
            "photograp*",
            "photograph*",
            "photographical",
        ];
        assert_eq!(terms.keys().collect::<Vec<_>>(), expected);
        assert_eq!(terms["mu*"], terms["mug"]);
        assert_eq!(prefix_term("photographi"), "photograph*");
    }

    #[test]
    fn an_archived_product_is_not_found() {
        let archived = product(1, 1, "Mug", "Kitchen", "").archived(Timestamp::from_millis(1));
        assert_eq!(terms_of(&archived), Terms::new());
    }
}
